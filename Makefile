# demo and test each set up what they need, into .venv and node_modules of this folder.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
POLICY_CHECKS := $(VENV)/policy-checks/.ready
PUBLISHING := $(VENV)/publishing/.ready

# What a developer's shell exports must not change what runs here.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV AWS_PROFILE
export PYTHONDONTWRITEBYTECODE =

# A home folder that cannot be written (a container's, a build server's): the caches are in this folder then.
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
export XDG_CACHE_HOME ?= $(CURDIR)/.cache
export npm_config_cache ?= $(XDG_CACHE_HOME)/npm
export JSII_RUNTIME_PACKAGE_CACHE_ROOT ?= $(XDG_CACHE_HOME)/jsii
endif

.DEFAULT_GOAL := help
.PHONY: help setup policy-checks demo test soak faults mutate acceptance scale browser bench check style format bundle dist release reference docs lock clean

help: ## Show what there is to run
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(READY) ## Install everything into this folder (demo and test do it by themselves)

$(READY): scripts/setup.sh scripts/steps.sh requirements/uv.txt requirements/dev.txt pyproject.toml package.json package-lock.json \
		constructs/iot_certificates/lambda-requirements.txt
	@sh scripts/setup.sh

policy-checks: $(POLICY_CHECKS) ## Install checkov and parliament, which tests/policy runs (test does it by itself)

$(POLICY_CHECKS): $(READY) scripts/setup-policy-checks.sh requirements/policy-checks.txt
	@sh scripts/setup-policy-checks.sh

demo: $(READY) ## Deploy, use, change and destroy real certificates on the embedded AWS
	@$(BIN)/python -m iot_certificates_local.demo

# More than there are cores: every other test waits for what the embedded AWS takes its time for.
WORKERS ?= 6
# mypy is one of the tests (tests/test_types.py). Groups of tests are run in the order of tests/conftest.py: longest first.
test: style $(POLICY_CHECKS) ## Run the checks and all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

RUNS ?= 20000
soak: $(READY) ## Play RUNS random lives of a stack, of several stacks, and of all types, others every time (20,000 by default)
	@PROTOCOL_RUNS=$(RUNS) $(BIN)/python -m pytest -s --timeout 0 tests/protocol/test_state_machine.py \
		tests/protocol/test_neighbours.py tests/protocol/test_in_use_lives.py tests/protocol/test_transfer_lives.py tests/protocol/test_sweeps.py \
		tests/protocol/test_lives_over_tls.py

faults: $(READY) ## Every fault at every call of AWS IoT and Secrets Manager, permissions taken away; writes docs/faults.md, docs/permissions.md
	@PYTHONPATH=tests $(BIN)/python -m protocol.fault_table
	@PERMISSIONS=all $(BIN)/python -m pytest -q tests/integration/test_permissions.py tests/constructs/test_fleet_permissions.py

ONLY ?=
mutate: $(READY) ## Change the provider's decisions one by one: tests have to notice (an hour; ONLY=regular expression for some)
	@PYTHONPATH=tests $(BIN)/python -m mutation "$(ONLY)"

REGION ?=
PREFIX ?=
STEP ?=
OTHER_PROFILE ?=
MORE ?=
acceptance: $(READY) ## Play the acceptance run on the embedded AWS (REGION=… PREFIX=… for an AWS account; STEP=7 for one step)
	@PYTHONPATH=tests $(if $(AWS_PROFILE),AWS_PROFILE='$(AWS_PROFILE)') $(BIN)/python -m acceptance --region "$(REGION)" --prefix "$(PREFIX)" \
		--step "$(STEP)" --other-profile "$(OTHER_PROFILE)" $(MORE)

CERTIFICATES ?= 20000
scale: $(READY) ## Measure the inventory of CERTIFICATES certificates (20,000 by default: a quarter of an hour)
	@PYTHONPATH=tests $(BIN)/python -m scale $(CERTIFICATES)

browser: $(READY) ## Open the inventory's page in Chromium, and keep pictures of it in .browser
	@PYTHONPATH=tests $(BIN)/python -m scale.browser

bench: $(READY) ## Measure against what one would use instead; writes benchmarks/results.md (ONLY=cold_start for one)
	@PYTHONPATH=tests $(BIN)/python -m benchmarks $(ONLY)

check: style ## Format, lint, types, import rules
	@$(BIN)/mypy

style: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

format: $(READY) ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bundle: $(READY) ## Build the function's asset for Lambda and print where it is and how large
	@$(BIN)/python -m iot_certificates.bundling

dist: $(READY) ## Build the wheel and the source distribution into dist
	@rm -rf dist
	@$(BIN)/hatchling build --directory dist

$(PUBLISHING): $(READY) scripts/setup-publishing.sh requirements/publishing.txt
	@sh scripts/setup-publishing.sh

release: $(PUBLISHING) ## Build and check the files of a release into dist: wheel, source, assets, SBOM, checksums
	@PYTHONPATH=scripts $(BIN)/python -m release

docs: $(PUBLISHING) ## Build the documentation as a site that can be searched, into .site/html
	@PYTHONPATH=scripts $(BIN)/python -m documentation_site

reference: $(READY) ## Make docs/schema and the tables of docs/resources anew
	@PYTHONPATH=scripts $(BIN)/python -m reference

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: $(READY) ## Resolve the dependencies anew and pin them with hashes
	@$(LOCK) --upgrade --group lambda -o constructs/iot_certificates/lambda-requirements.txt
	@$(LOCK) --upgrade pyproject.toml --extra local --extra cli --group dev -o requirements/dev.txt
	@$(LOCK) --upgrade --group publishing -o requirements/publishing.txt
	@$(LOCK) --upgrade --group policy-checks --no-emit-package numpy -o requirements/policy-checks.txt
	@echo uv | $(LOCK) --upgrade - -o requirements/uv.txt

clean: ## Remove what setup and the commands have made
	@rm -rf $(VENV) node_modules cdk.out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .browser .cache .site .set-up.log
