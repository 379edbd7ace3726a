#!/bin/sh
# Installs checkov and parliament into an environment of their own, .venv/policy-checks, from their lock file.
set -eu

# As in setup.sh.
export UV_SYSTEM_CERTS=1

network='The package registry could not be reached, or refused. Check the network and the proxy settings, then run the command again.'
environment=.venv/policy-checks

echo "Setting up the policy checks in $environment (once) …"
rm -f "$environment/.ready"
.venv/bin/uv --quiet venv --clear --python .venv/bin/python "$environment"
# --no-deps: the lock leaves out what they name and do not use here.
.venv/bin/uv --quiet pip install --python "$environment/bin/python" --no-deps --require-hashes -r requirements/policy-checks.txt || {
    printf '\nSet-up stopped: %s\n' "$network" >&2
    exit 1
}
touch "$environment/.ready"
