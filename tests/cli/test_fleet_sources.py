"""What ``fleet manifest`` reads: files, folders, CSV and chains, and what it refuses, each by its name."""

from __future__ import annotations

import codecs
import csv
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import issuing
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import Certificate
from iot_certificates_cli.errors import CommandError, UsageError
from iot_certificates_cli.fleet.given import Given, Refused
from iot_certificates_cli.fleet.reading import Rules, read_ca, read_certificate
from iot_certificates_cli.fleet.sources import MOST_BYTES, Sources

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CA = issuing.make_ca("Factory CA")
OTHER_CA = issuing.make_ca("Other CA")
PUMP = issuing.make_device(CA, "pump-1")


def given(*paths: Path) -> list[Given]:
    return [each for each in Sources(paths) if isinstance(each, Given)]


def refused(*paths: Path) -> dict[str, str]:
    return {each.place: each.problem for each in Sources(paths) if isinstance(each, Refused)}


def write_csv(file: Path, *rows: list[str]) -> Path:
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    return file


class TestFolders:
    def test_are_read_with_all_that_is_below_them(self, tmp_path: Path) -> None:
        (tmp_path / "line-1").mkdir()
        for name in ("a.pem", "line-1/b.CRT", "line-1/c.cer", "d.der"):
            (tmp_path / name).write_text(PUMP.pem)
        assert {each.place for each in given(tmp_path)} == {
            str(tmp_path / name) for name in ("a.pem", "line-1/b.CRT", "line-1/c.cer", "d.der")
        }
        assert Sources([tmp_path]).count() == 4

    def test_other_files_are_counted_and_left_out(self, tmp_path: Path) -> None:
        for name in ("a.pem", "readme.txt", "b.csr", "c.csr", ".DS_Store", "Makefile"):
            (tmp_path / name).write_text("text")
        sources = Sources([tmp_path])
        assert [each.place for each in sources] == [str(tmp_path / "a.pem")]
        assert sources.left_out == {".txt": 1, ".csr": 2, "Makefile": 1}

    @pytest.mark.parametrize("name", ["pump-1.key", "pump-1.p12", "pump-1.PFX", "store.jks", "key.ppk"])
    def test_a_file_that_is_named_like_a_key_is_refused_by_its_name(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"\x00\xff")
        (tmp_path / "a.pem").write_text(PUMP.pem)
        assert refused(tmp_path)[str(tmp_path / name)].startswith("holds a private key. A manifest never takes")

    def test_a_key_under_any_name_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text(f"the key:\n{PUMP.key_pem()}")
        assert list(refused(tmp_path)) == [str(tmp_path / "notes.txt")]

    def test_a_folder_that_leads_back_to_itself_ends(self, tmp_path: Path) -> None:
        (tmp_path / "a.pem").write_text(PUMP.pem)
        (tmp_path / "again").symlink_to(tmp_path)
        assert len(given(tmp_path)) == 1

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_one_that_may_not_be_read_ends_it(self, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0)
        with pytest.raises(CommandError, match="closed cannot be read: Permission denied"):
            given(tmp_path)

    def test_one_that_there_is_not(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="none does not exist"):
            Sources([tmp_path / "none"])


class TestFiles:
    def test_one_with_a_name_of_its_own_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "certificate-of-pump-1"
        file.write_text(PUMP.pem)
        assert [read_certificate(each.content).id for each in given(file)] == [Certificate.from_pem(PUMP.pem).id]

    def test_one_that_is_too_long_is_refused_without_reading_it(self, tmp_path: Path) -> None:
        file = tmp_path / "disk.pem"
        with file.open("wb") as out:
            out.truncate(1 << 40)
        assert refused(file)[str(file)].startswith(f"has more than the {MOST_BYTES:,} bytes")

    def test_one_that_went_away(self, tmp_path: Path) -> None:
        (tmp_path / "a.pem").symlink_to(tmp_path / "nowhere")
        write_csv(tmp_path / "fleet.csv", ["certificateFile"], ["a.pem"])
        assert refused(tmp_path / "fleet.csv") == {
            f"{tmp_path}/fleet.csv:2, {tmp_path}/a.pem": (
                "cannot be read: No such file or directory. Check the name and its permissions"
            )
        }


class TestCsv:
    def test_says_all_that_there_is_to_say(self, tmp_path: Path) -> None:
        (tmp_path / "pump-2.pem").write_text("of a file")
        file = write_csv(
            tmp_path / "fleet.csv",
            ["certificatePem", "certificateFile", "status", "thingName", "policyNames", "attribute.site"],
            [PUMP.pem, "", "INACTIVE", "pump-1", "telemetry; jobs", "north"],
            [],
            ["", "pump-2.pem", "", "", "", ""],
        )
        first, second = given(file)
        assert (first.place, first.status, first.thing_name) == (f"{file}:2", "INACTIVE", "pump-1")
        assert (first.policy_names, first.attributes) == (("telemetry", "jobs"), {"site": "north"})
        assert first.content.decode() == PUMP.pem.strip()
        assert (second.content, second.policy_names, second.attributes) == (b"of a file", None, {})
        assert second.place == f"{file}:{2 + PUMP.pem.count(chr(10)) + 2}, {tmp_path / 'pump-2.pem'}"
        assert Sources([file]).count() == 2

    def test_line_ends_may_be_written_out(self, tmp_path: Path) -> None:
        file = write_csv(tmp_path / "fleet.csv", ["certificatePem"], [PUMP.pem.replace("\n", "\\n")])
        assert read_certificate(given(file)[0].content) == Certificate.from_pem(PUMP.pem)

    def test_a_byte_order_mark_is_no_part_of_a_name(self, tmp_path: Path) -> None:
        file = tmp_path / "fleet.csv"
        file.write_bytes(codecs.BOM_UTF8 + b"certificateFile\r\na.key\r\n")
        assert "holds a private key" in refused(file)[f"{file}:2, {tmp_path / 'a.key'}"]

    @pytest.mark.parametrize(
        ("cells", "problem"),
        [
            (["", "", ""], "has neither of certificatePem and certificateFile"),
            (["x", "y", ""], "has both of certificatePem and certificateFile"),
            (["x"], "has 1 cells for 3 columns"),
        ],
    )
    def test_a_row_that_cannot_be_meant_is_refused(self, tmp_path: Path, cells: list[str], problem: str) -> None:
        file = write_csv(tmp_path / "fleet.csv", ["certificatePem", "certificateFile", "thingName"], cells)
        assert refused(file)[f"{file}:2"].startswith(problem)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "has neither certificatePem nor certificateFile. The first row names the columns: certificatePem,"),
            (b"thingName\n", "has neither certificatePem nor certificateFile"),
            (b"certificatePem,serial\n", "has no use for the column 'serial'"),
            (b"certificatePem,attribute.\n", "has no use for the column 'attribute.'"),
            (b"certificatePem,certificatePem\n", "has 'certificatePem' twice"),
            (b"certificatePem\n\xff\n", "is not UTF-8"),
            (b'certificatePem\n"a\n', "2 is not CSV (RFC 4180)"),
        ],
    )
    def test_what_is_no_csv_of_certificates_ends_it(self, tmp_path: Path, content: bytes, problem: str) -> None:
        file = tmp_path / "fleet.csv"
        file.write_bytes(content)
        with pytest.raises(UsageError) as error:
            list(Sources([file]))
        assert problem in str(error.value)


class TestCertificates:
    def test_of_a_chain_the_first_is_the_device_s(self) -> None:
        middle = issuing.make_ca("Line CA", issuer=CA)
        device = issuing.make_device(middle, "pump-2")
        chain = device.pem + middle.pem + CA.pem
        assert read_certificate(chain.encode()).subject == "CN=pump-2"

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (CA.pem + PUMP.pem, "begins with a CA certificate. The device's certificate comes first"),
            (PUMP.pem + issuing.make_device(CA, "pump-3").pem, "holds 2 certificates that are not a chain. Give each"),
            (PUMP.pem + CA.pem[:200], "has a truncated PEM block"),
            (PUMP.pem + PUMP.key_pem(), "holds a private key"),
            (PUMP.key_pem("secret"), "holds a private key"),
            ("text", "is not PEM: it has no line"),
        ],
        ids=["ca-first", "two-devices", "cut", "with-key", "encrypted-key", "text"],
    )
    def test_what_is_refused(self, content: str, problem: str) -> None:
        for encoding in ("utf-8", "utf-16"):
            with pytest.raises(UnusableError) as error:
                read_certificate(content.encode(encoding))
            assert str(error.value).startswith(problem)

    def test_der_is_read(self) -> None:
        assert read_certificate(PUMP.der) == Certificate.from_pem(PUMP.pem)

    def test_der_of_a_key_is_no_certificate(self) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

        der = PUMP.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(UnusableError):
            read_certificate(der)


class TestRules:
    rules = Rules(NOW, Certificate.from_pem(CA.pem))

    def test_a_device_of_the_ca_is_taken(self) -> None:
        self.rules.check(Certificate.from_pem(PUMP.pem))

    @pytest.mark.parametrize(
        ("device", "problem"),
        [
            (issuing.make_device(OTHER_CA, "pump-4"), "was not issued by the CA: its issuer is 'CN=Other CA'"),
            (issuing.make_device(CA, "pump-5", valid_to=datetime(2029, 12, 31, tzinfo=UTC)), "expired on 2029-12-31"),
            (issuing.make_device(CA, "pump-6", key_kind="rsa1024"), "has a weak key: RSA with 1024 bits"),
            (CA, "is a CA certificate. Give the devices' certificates"),
        ],
        ids=["another-ca", "expired", "weak", "ca"],
    )
    def test_what_is_refused(self, device: issuing.Issued, problem: str) -> None:
        with pytest.raises(UnusableError) as error:
            self.rules.check(Certificate.from_pem(device.pem))
        assert str(error.value).startswith(problem)

    def test_without_a_ca_any_issuer_will_do(self) -> None:
        Rules(NOW).check(Certificate.from_pem(issuing.make_device(OTHER_CA, "pump-7").pem))

    def test_the_ca_has_to_be_one(self, tmp_path: Path) -> None:
        file = tmp_path / "ca.pem"
        file.write_text(CA.pem)
        assert read_ca(file, NOW).subject == "CN=Factory CA"
        file.write_text(PUMP.pem)
        with pytest.raises(UsageError, match=r"--ca: \S+ca.pem is not a CA certificate"):
            read_ca(file, NOW)
        with pytest.raises(UsageError, match=r"--ca: \S+ca.key holds a private key"):
            read_ca(tmp_path / "ca.key", NOW)
