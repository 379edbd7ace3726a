#!/bin/sh
# Installs MkDocs with its theme into an environment of their own, .venv/docs, from their lock file.
set -eu

environment=.venv/docs
state=$environment/.set-up
steps=2
. scripts/steps.sh

drop_settings
trust_the_machine
wanted=$(cksum <requirements/docs.txt)
echo "Setting up the documentation's tools in $environment (once):"
rm -f "$environment/.ready"
if [ "$(cat "$state/inputs" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$state"
fi
step 1 "Python environment" .venv/bin/uv --quiet venv --clear --python .venv/bin/python "$environment"
echo "$wanted" >"$state/inputs"
step 2 "MkDocs" .venv/bin/uv pip install --no-progress --python "$environment/bin/python" --require-hashes -r requirements/docs.txt
touch "$environment/.ready"
