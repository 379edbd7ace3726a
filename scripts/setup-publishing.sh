#!/bin/sh
# Installs what builds the site and checks a release into an environment of its own, .venv/publishing, from its lock file.
set -eu

environment=.venv/publishing
state=$environment/.set-up
steps=2
. scripts/steps.sh

drop_settings
trust_the_machine
wanted=$(cksum <requirements/publishing.txt)
echo "Setting up the tools for site and release in $environment (once):"
rm -f "$environment/.ready"
if [ "$(cat "$state/inputs" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$state"
fi
step 1 "Python environment" .venv/bin/uv --quiet venv --clear --python .venv/bin/python "$environment"
echo "$wanted" >"$state/inputs"
step 2 "MkDocs, twine and CycloneDX" .venv/bin/uv pip install --no-progress --python "$environment/bin/python" --require-hashes -r requirements/publishing.txt
touch "$environment/.ready"
