#!/bin/sh
# Installs checkov and parliament into an environment of their own, .venv/policy-checks, from their lock file.
set -eu

environment=.venv/policy-checks
state=$environment/.set-up
steps=2
. scripts/steps.sh

drop_settings
trust_the_machine
wanted=$(cksum <requirements/policy-checks.txt)
echo "Setting up the policy checks in $environment (once):"
rm -f "$environment/.ready"
if [ "$(cat "$state/inputs" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$state"
fi
step 1 "Python environment" .venv/bin/uv --quiet venv --clear --python .venv/bin/python "$environment"
echo "$wanted" >"$state/inputs"
# --no-deps: the lock leaves out what they name and do not use here.
step 2 "checkov and parliament" .venv/bin/uv pip install --no-progress --python "$environment/bin/python" --no-deps --require-hashes -r requirements/policy-checks.txt
touch "$environment/.ready"
