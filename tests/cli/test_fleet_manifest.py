"""``fleet manifest``, ``diff`` and ``plan`` on folders: no AWS is needed for them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest

import issuing
from cli.conftest import Ran
from cli.terminal import show
from iot_certificate_provider.fleet import cut
from iot_certificate_provider.fleet.manifest import Manifest
from iot_certificate_provider.pki import Certificate
from iot_certificates_cli import application
from iot_certificates_cli.fleet.making import KEPT_REFUSALS
from iot_certificates_cli.fleet.stored import Folder, StoredManifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CA = issuing.make_ca("Factory CA")
OTHER_CA = issuing.make_ca("Other CA")
KEY = issuing.key_of("p256", "all pumps")


@cache
def pump(number: int, **more: object) -> issuing.Issued:
    return issuing.make_device(CA, f"pump-{number}", key=KEY, serial=number + 1, **more)  # type: ignore[arg-type]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command that asks AWS nothing: there are no credentials, and no Region."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["iot-certificates", "fleet", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_status:
            application.main()
        out, err = capsys.readouterr()
        return Ran(int(exit_status.value.code or 0), out, err)

    return run


@pytest.fixture
def pems(tmp_path: Path) -> Path:
    """A folder with the certificates of five pumps, and the one of their CA beside it."""
    folder = tmp_path / "pems"
    folder.mkdir()
    for number in range(5):
        (folder / f"pump-{number}.pem").write_text(pump(number).pem)
    (tmp_path / "ca.pem").write_text(CA.pem)
    return folder


def stored(folder: Path) -> StoredManifest:
    return StoredManifest(str(folder), Folder(folder))


class TestManifest:
    def test_of_a_folder(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
        out = tmp_path / "fleet"
        ran = run("manifest", pems, "--ca", tmp_path / "ca.pem", "--policy", "telemetry", "--out", out)
        assert (ran.status, ran.out) == (0, f"{out}\n"), ran.err
        made = Manifest.from_json((out / "manifest.json").read_bytes())
        assert made.sha256 in ran.err
        assert "5 certificates in 1 shard" in ran.err
        assert made.defaults.ca_certificate_pem == CA.pem
        assert made.defaults.policy_names == ("telemetry",)
        lines = list(stored(out).all_lines())
        assert {line.certificate_id for line in lines} == {Certificate.from_pem(pump(n).pem).id for n in range(5)}
        assert [line.certificate_id for line in lines] == sorted(line.certificate_id for line in lines)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["ca.pem", "fleet", "pems"]

    def test_is_the_same_whatever_the_order_and_the_form(
        self, run: Callable[..., Ran], pems: Path, tmp_path: Path
    ) -> None:
        rows = [["certificatePem"], *([pump(number).pem] for number in (4, 2, 0, 3))]
        with (tmp_path / "some.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        (tmp_path / "one.der").write_bytes(pump(1).der)
        assert run("manifest", pems, "--out", tmp_path / "a").status == 0
        assert run("manifest", tmp_path / "some.csv", tmp_path / "one.der", "--out", tmp_path / "b").status == 0
        assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()

    def test_has_shards_by_the_first_bits(
        self, run: Callable[..., Ran], pems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cut, "MOST_LINES_A_SHARD", 1)
        assert run("manifest", pems, "--out", tmp_path / "fleet").status == 0
        made = stored(tmp_path / "fleet").manifest
        assert made.bits == 3
        for partition in made.partitions:
            lines = list(stored(tmp_path / "fleet").lines(partition))
            assert len(lines) == partition.count
            assert all(cut.has(partition.key, line.certificate_id) for line in lines)

    def test_replaces_one_but_nothing_else(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
        out = tmp_path / "fleet"
        assert run("manifest", pems, "--out", out).status == 0
        (pems / "pump-0.pem").unlink()
        assert run("manifest", pems, "--out", out).status == 0
        assert stored(out).manifest.count == 4
        ran = run("manifest", pems, "--out", pems)
        assert (ran.status, ran.err) == (
            2,
            f"Error: --out: {pems} has files that do not belong to a manifest. Name a new folder.\n",
        )
        assert run("manifest", pems, "--out", tmp_path / "ca.pem").status == 2

    def test_of_a_csv_with_all_that_can_be_said(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
        with (tmp_path / "fleet.csv").open("w", newline="") as file:
            csv.writer(file).writerows([
                ["certificateFile", "status", "thingName", "policyNames", "attribute.site"],
                ["pems/pump-0.pem", "INACTIVE", "pump-0", "a;b", "north"],
                ["pems/pump-1.pem", "", "", "", ""],
            ])  # fmt: skip
        assert run("manifest", tmp_path / "fleet.csv", "--out", tmp_path / "fleet").status == 0
        said = {line.thing_name: line for line in stored(tmp_path / "fleet").all_lines()}
        assert said["pump-0"].policy_names == ("a", "b")
        assert (said["pump-0"].status, said["pump-0"].attributes) == ("INACTIVE", {"site": "north"})
        assert (said[None].status, said[None].policy_names, said[None].attributes) == (None, None, None)


class TestRefusals:
    def refused(self, run: Callable[..., Ran], tmp_path: Path, *arguments: object) -> str:
        ran = run("manifest", *arguments, "--out", tmp_path / "fleet")
        assert (ran.status, ran.out) == (1, "")
        assert not (tmp_path / "fleet").exists()
        assert not list(tmp_path.glob(".*.part"))
        return ran.err

    def test_name_the_file_the_problem_and_the_fix(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
        (pems / "expired.pem").write_text(pump(6, valid_to=datetime(2021, 1, 1, tzinfo=UTC)).pem)
        (pems / "other.pem").write_text(issuing.make_device(OTHER_CA, "valve").pem)
        (pems / "with-key.pem").write_text(pump(7).pem + issuing.key_pem(KEY))
        (pems / "pump-1.key").write_text(issuing.key_pem(KEY))
        (pems / "copy.pem").write_text(pump(0).pem.replace("\n", "\r\n"))
        said = self.refused(run, tmp_path, pems, "--ca", tmp_path / "ca.pem")
        for expected in (
            "expired.pem: expired on 2021-01-01. Renew it, because AWS IoT registers no expired certificate.",
            "other.pem: was not issued by the CA: its issuer is 'CN=Other CA', the CA 'CN=Factory CA'.",
            "with-key.pem: holds a private key. A manifest never takes one: give the certificate alone.",
            "pump-1.key: holds a private key. A manifest never takes a private key",
            "Nothing was written, because 5 of the inputs cannot be in a manifest."
        ):  # fmt: skip
            assert expected in said
        assert re.search(r"(copy|pump-0).pem: has the same certificate as \S+(copy|pump-0).pem. Remove one", said)
        assert "PRIVATE KEY" not in said

    def test_all_go_to_a_file_and_the_first_to_the_screen(self, run: Callable[..., Ran], tmp_path: Path) -> None:
        (tmp_path / "pems").mkdir()
        for number in range(KEPT_REFUSALS + 7):
            (tmp_path / f"pems/{number}.pem").write_text("text")
        said = self.refused(run, tmp_path, tmp_path / "pems", "--refused", tmp_path / "refused.csv")
        assert said.count("Refused: ") == KEPT_REFUSALS
        assert f"… and 7 more: all are in {tmp_path}/refused.csv." in said
        rows = list(csv.reader((tmp_path / "refused.csv").read_text().splitlines()))
        assert (rows[0], len(rows)) == (["place", "problem"], KEPT_REFUSALS + 8)

    @pytest.mark.parametrize(
        ("column", "value", "problem"),
        [
            ("status", "LOST", "has a status that is not one of ACTIVE, INACTIVE, REVOKED"),
            ("thingName", "pump 1", "has a thingName that AWS IoT does not accept"),
            ("policyNames", "a b", "has a policy name that AWS IoT does not accept"),
            ("policyNames", ";".join("abcdefghijk"), "has more than 10 policies"),
            ("attribute.site", "north", "has attributes but no thingName. Attributes belong to a thing: name it"),
            ("attribute.si te", "north", "has an attribute 'si te' that AWS IoT does not accept"),
        ],
    )
    def test_of_a_row(self, run: Callable[..., Ran], tmp_path: Path, column: str, value: str, problem: str) -> None:
        with (tmp_path / "fleet.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["certificatePem", column], [pump(1).pem, value]])
        assert f"fleet.csv:2: {problem}" in self.refused(run, tmp_path, tmp_path / "fleet.csv")

    def test_show_no_control_characters(self, run: Callable[..., Ran], tmp_path: Path) -> None:
        for name in ("a\x1b[31m.pem", "b\udcff.pem", "c[red].pem"):
            (tmp_path / name).write_text("text")
        (tmp_path / "d\x1b.strange").write_text("text")
        said = self.refused(run, tmp_path, tmp_path)
        assert "a\\1B[31m.pem: is not PEM" in said
        assert "c[red].pem: is not PEM" in said
        assert "\x1b" not in said
        assert "Left out, because their names are not those of certificates: 1 .strange." in said

    def test_without_any_certificate(self, run: Callable[..., Ran], tmp_path: Path) -> None:
        said = self.refused(run, tmp_path, tmp_path)
        assert said == "Error: No certificate was found. Name files that end in .pem, .crt or .cer, or a CSV.\n"

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (["--policy", "a b"], "--policy: 'a b' is not a policy name"),
            (["--upload", "bucket/prefix"], "'bucket/prefix' is not a location in S3. Give s3://BUCKET/PREFIX"),
            (["--upload", "s3://bucket/prefix"], "No Region is configured"),
            (["--ca", "none.pem"], "--ca: none.pem cannot be read"),
        ],
    )
    def test_options_that_cannot_be_meant(
        self, run: Callable[..., Ran], pems: Path, tmp_path: Path, arguments: list[str], problem: str
    ) -> None:
        ran = run("manifest", pems, "--out", tmp_path / "fleet", *arguments)
        assert ran.status == 2
        assert problem in ran.err


class TestDiff:
    @pytest.fixture
    def old(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> Path:
        assert run("manifest", pems, "--out", tmp_path / "old").status == 0
        return tmp_path / "old"

    def test_tells_what_an_update_does(self, run: Callable[..., Ran], pems: Path, old: Path, tmp_path: Path) -> None:
        (pems / "pump-0.pem").unlink()
        (pems / "pump-9.pem").write_text(pump(9).pem)
        (pems / "pump-1.pem").rename(tmp_path / "pump-1.pem")
        (tmp_path / "named.csv").write_text(f"certificateFile,thingName\n{tmp_path}/pump-1.pem,pump-1\n")
        assert run("manifest", pems, tmp_path / "named.csv", "--out", tmp_path / "new").status == 0
        ran = run("diff", old, tmp_path / "new", "--ids")
        ids = {number: Certificate.from_pem(pump(number).pem).id for number in (0, 1, 9)}
        *listed, register, change, remove, unchanged = ran.out.splitlines()
        assert listed == sorted([f"- {ids[0]}", f"~ {ids[1]} pump-1", f"+ {ids[9]}"], key=lambda line: line[2:])
        assert (register, change, remove) == ("+ 1 to register", "~ 1 to change", "- 1 to remove")
        assert unchanged == "= 3 unchanged; 0 of 1 shards need no child"
        assert ran.status == 1

    def test_of_equal_manifests_is_nothing(self, run: Callable[..., Ran], old: Path) -> None:
        ran = run("diff", old, old)
        assert (ran.status, ran.out.splitlines()[-1]) == (0, "= 5 unchanged; 1 of 1 shards need no child")

    def test_a_default_that_changes_changes_all(
        self, run: Callable[..., Ran], pems: Path, old: Path, tmp_path: Path
    ) -> None:
        assert run("manifest", pems, "--status", "INACTIVE", "--out", tmp_path / "new").status == 0
        assert "~ 5 to change\n" in run("diff", old, tmp_path / "new").out

    def test_shards_of_another_size_are_compared_line_by_line(
        self, run: Callable[..., Ran], pems: Path, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cut, "MOST_LINES_A_SHARD", 1)
        (pems / "pump-9.pem").write_text(pump(9).pem)
        assert run("manifest", pems, "--out", tmp_path / "new").status == 0
        ran = run("diff", old, tmp_path / "new")
        assert ran.out.startswith("+ 1 to register\n~ 0 to change\n- 0 to remove\n= 5 unchanged; 0 of ")
        back = run("diff", tmp_path / "new", old)
        assert back.out.startswith("+ 0 to register\n~ 0 to change\n- 1 to remove\n= 5 unchanged")

    def test_a_shard_that_was_changed_in_place_is_noticed(
        self, run: Callable[..., Ran], pems: Path, old: Path, tmp_path: Path
    ) -> None:
        assert run("manifest", pems, "--status", "INACTIVE", "--out", tmp_path / "new").status == 0
        shard = old / "shards/all.jsonl"
        shard.write_bytes(shard.read_bytes().replace(b"PEM", b"pem"))
        shard.write_bytes(shard.read_bytes() + b"\n")
        ran = run("diff", old, tmp_path / "new")
        assert ran.status == 1
        assert "shards/all.jsonl was changed: its SHA-256 is not that of manifest.json" in ran.err
        shard.unlink()
        assert "cannot be read: No such file or directory" in run("diff", old, tmp_path / "new").err

    def test_what_is_no_manifest(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
        assert run("diff", tmp_path / "none", pems).status == 2
        assert "Name the folder that `fleet manifest` wrote" in run("diff", pems, pems).err
        (pems / "manifest.json").write_text("{}")
        assert "has a version other than 1" in run("diff", pems, pems).err


class TestPlan:
    def test_of_a_hundred_thousand(self, run: Callable[..., Ran]) -> None:
        ran = run("plan", "--certificates", "100000", "--rate", "10")
        assert ran.status == 0
        assert "time   2:55:27 = 100,000 calls / (0.95 x 10 a second); 1 child at a time\n" in ran.out
        assert "0.95 x 10 x 3,420 s = 32,490 fit. Raise the rate to 31," in ran.out
        assert "quota  to fit the hour, ask AWS for 31 a second of RegisterCertificate, and" in ran.out
        assert re.search(r"^money  \$0\.\d\d", ran.out, re.MULTILINE)

    def test_each_figure_has_its_source(self, run: Callable[..., Ran]) -> None:
        out = run("plan", "--certificates", "1000").out
        sources = out.partition("sources\n")[2].splitlines()
        assert len(sources) == 9
        assert all(("https://" in line and "(as of 2" in line) or "benchmarks/results.md" in line for line in sources)
        assert "quota  10 a second is enough for 8 a second\n" in out
        assert "CloudFormation waits long enough: " in out

    def test_of_a_manifest_and_of_its_update(self, run: Callable[..., Ran], pems: Path, tmp_path: Path) -> None:
        assert run("manifest", pems, "--policy", "a", "--policy", "b", "--out", tmp_path / "old").status == 0
        out = run("plan", tmp_path / "old").out
        assert "5 certificates in 1 shard: 5 to register, 0 to change, 0 to remove; 10 policies and 0 things att" in out
        assert "= 10 calls / " in out
        (pems / "pump-9.pem").write_text(pump(9).pem)
        assert run("manifest", pems, "--policy", "a", "--policy", "b", "--out", tmp_path / "new").status == 0
        out = run("plan", tmp_path / "new", "--previous", tmp_path / "old").out
        assert "1 certificate in 1 shard: 1 to register, 0 to change, 0 to remove; 2 policies" in out

    def test_needs_one_thing_to_plan_for(self, run: Callable[..., Ran], tmp_path: Path) -> None:
        assert run("plan").status == run("plan", tmp_path, "--certificates", "5").status == 2
        assert run("plan", "--certificates", "5", "--previous", tmp_path).status == 2


class TestOnATerminal:
    def show(self, columns: int, *arguments: object, **more: object) -> object:
        command = [sys.executable, "-W", "error", "-m", "iot_certificates_cli", "fleet", *map(str, arguments)]
        return show(command, {"HOME": "/nonexistent", "PATH": ""}, columns, **more)  # type: ignore[arg-type]

    @pytest.mark.parametrize("columns", [40, 80, 160])
    def test_progress_is_shown_and_removed_at_the_end(self, pems: Path, tmp_path: Path, columns: int) -> None:
        for number in range(10, 600):
            (pems / f"{number}.pem").write_text(pump(number % 20).pem)
        shown = self.show(columns, "manifest", pems, "--out", tmp_path / "fleet")
        assert re.search(r"\d+ of 595 certificates", shown.sent)  # type: ignore[attr-defined]
        assert not [line for line in shown.lines if " of 595 cert" in line]  # type: ignore[attr-defined]

    @pytest.mark.parametrize("columns", [40, 80, 200])
    def test_a_plan_fits_it(self, columns: int) -> None:
        shown = self.show(columns, "plan", "--certificates", "10000000")
        lines = [line for line in shown.lines if "https://" not in line]  # type: ignore[attr-defined]
        assert max(map(len, lines)) <= columns
        assert [line[:5] for line in lines if line[:1].strip()] == [
            "work ", "time ", "hour ", "quota", "money", "sourc",
        ]  # fmt: skip

    def test_control_c_leaves_nothing(self, pems: Path, tmp_path: Path) -> None:
        with (tmp_path / "many.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["certificatePem"])
            rows.writerows([pump(number).pem] for number in range(3000))
        shown = self.show(
            80, "manifest", tmp_path / "many.csv", "--out", tmp_path / "fleet",
            interrupt_when=lambda sent: re.search(r"\d of 3,000 cert", sent) is not None,
        )  # fmt: skip
        assert shown.status == 130  # type: ignore[attr-defined]
        assert "Interrupted: nothing was written." in shown.lines  # type: ignore[attr-defined]
        assert not (tmp_path / "fleet").exists()
        assert not list(tmp_path.glob(".*.part"))


def test_memory_does_not_grow_with_the_certificates(tmp_path: Path) -> None:
    """The peak of a process (VmHWM) with 300 and with 2,000; ``make bench`` measures 100,000."""
    peaks = {}
    for count in (300, 2000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.pem").write_text(pump(number).pem)
        program = textwrap.dedent("""
            import sys
            from iot_certificates_cli.application import app
            app(sys.argv[1:], standalone_mode=False)
            print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
        """)
        arguments = ["fleet", "manifest", str(folder), "--out", str(tmp_path / f"fleet-{count}")]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        peaks[count] = int(done.stdout.split()[-1])
        assert json.loads((tmp_path / f"fleet-{count}/manifest.json").read_text())["count"] == count
    assert peaks[2000] / peaks[300] <= 1.05
