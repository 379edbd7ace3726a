"""The commands that the pages show exist, with their options."""

from __future__ import annotations

import subprocess

import pytest

from documentation.commands import commands, problem
from documentation.pages import ROOT, Block, code_spans, of_language, pages

CHECKED_IN_SENTENCES = ("aws ", "iot-certificates ", "make ", "npx ")
"""A code span that begins so is a command."""


@pytest.mark.parametrize("block", of_language("sh"), ids=str)
def test_a_block_is_a_shell_script_of_commands_that_exist(block: Block) -> None:
    checked = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert checked.stderr == ""
    assert [found for command in commands(block.text) if (found := problem(command))] == []


def test_commands_in_sentences_exist() -> None:
    found = {
        f"{page.relative_to(ROOT)}: {span}": wrong
        for page in pages()
        for span in code_spans(page)
        if span.startswith(CHECKED_IN_SENTENCES)
        for command in commands(span)
        if (wrong := problem(command))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("make tests", "the Makefile has no ['tests']"),
        ("make mutate ALL=Adoption", "the Makefile has no ['ALL=Adoption']"),
        ("cd docs && make mutate ONLY=Adoption", None),
        ("iot-certificates swipe", "iot-certificates has no command swipe"),
        ("iot-certificates sweep --older 7d", "no option --older"),
        ("iot-certificates fleet manifests", "iot-certificates fleet has no command manifests"),
        ("iot-certificates fleet plan --rates 8", "no option --rates"),
        ("iot-certificates fleet diff old new --ids", None),
        ("iot-certificates --version", None),
        ("iot-certificates inventory > certificates.txt --no-expiri", "no option --no-expiri"),
        ("iot-certificates inventory --no-expiry --format=json", None),
        ("aws iott list-certificates", "AWS has no service iott"),
        ("aws iot list-certs", "iot has no operation list-certs"),
        ("aws iot update-ca-certificate --status INACTIVE", "no option --status"),
        ("aws iot update-ca-certificate --new-status INACTIVE --region eu-west-1", None),
        ("aws cloudformation wait stack-gone", "cloudformation has no waiter stack-gone"),
        ("aws cloudformation wait stack-delete-complete --stack-name Factory", None),
        ("npx aws-cdk@2 deploy", "not pinned as in package.json: ['aws-cdk@2']"),
        ("pip install 'cdk-iot-certificates[command-line]'", "there is no extra ['command-line']"),
        ("pip install 'cdk-iot-certificates[cli,local]'", None),
        ("python -m iot_certificates.bundle", "no module iot_certificates.bundle"),
        ("PERMISSIONS=all .venv/bin/python -m pytest -q tests/nothing.py", "tests/nothing.py does not exist"),
        ("python examples/nothing.py", "examples/nothing.py does not exist"),
        ("kubectl apply", "no check for kubectl"),
        (
            "aws iot create-policy --policy-name x --policy-document '{\n}'\nmake nothing",
            "the Makefile has no ['nothing']",
        ),
        ("CA=$(aws iot list-ca-certificate)", "iot has no operation list-ca-certificate"),
    ],
)
def test_what_is_wrong_is_noticed(script: str, says: str | None) -> None:
    assert [problem(command) for command in commands(script)][-1] == says
