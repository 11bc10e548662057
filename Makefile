# Everything a developer needs; CI runs the same (.ci/run). `make` alone lists it.

PYTHON ?= python3
VENV ?= .venv
TESTS ?=
CUTS ?= 50
SECONDS ?= 60
DATABASE ?= sqlite
SEED ?=
LISTENERS ?= 2
RUNNERS ?= 2
NETWORKS ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help run test check docs audit bench kernel peers mutants chaos power docker-test clean

help: ## List these targets
	@echo "make TARGET [PYTHON=python3.13] [VENV=.venv]"
	@awk -F ' *:.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# honcho kills what still runs five seconds after SIGTERM, so draining has to be shorter.
run: $(INSTALLED) ## Start listener and worker, data in ./data; Ctrl-C stops both
	@echo "Job Service: http://localhost:$${PORT:-5000}"
	@PATH="$(abspath $(BIN)):$$PATH" DRAIN_SECONDS="$${DRAIN_SECONDS:-3}" \
		LOG_FORMAT="$${LOG_FORMAT:-text}" honcho start

# Tests that measure time run first, one at a time. Pytest's exit code 5 means that TESTS chose none of the pass.
# Each program that a test starts would compile all modules again, if the environment forbids to keep bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(INSTALLED) ## Run all tests; TESTS="-k cancel" picks some
	@$(BIN)/pytest -m timing $(TESTS); alone=$$?; \
	$(BIN)/pytest -m "not timing" -n 4 $(TESTS); others=$$?; \
	case "$$alone $$others" in "0 0" | "0 5" | "5 0") ;; *) exit 1 ;; esac

check: $(INSTALLED) ## Lint, format and types of Python and JavaScript, import rule and sizes
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_imports.py tests/test_style.py
	bash -n .ci/run && bash -n tests/system/docker/run && bash -n tests/web/check
	tests/web/check

docs: $(INSTALLED) ## Write docs/settings.md and docs/errors.md from their tables in the code
	$(BIN)/python -m tests.support.settings_page
	$(BIN)/python -m tests.support.errors_page

bench: $(INSTALLED) ## Compare analyze with ripgrep, which has to be installed; takes minutes
	$(BIN)/python -m benchmarks.analysis.analyze

# In an environment of its own: Zig has 400 MB.
kernel: ## Compile runner/analysis/native into its wheels; CHECK=1 compares them with the sources
	$(PYTHON) -m venv .cache/kernel
	.cache/kernel/bin/pip install --quiet --disable-pip-version-check ziglang==0.17.1
	.cache/kernel/bin/python -m runner.analysis.native.build $(if $(CHECK),--check)

peers: $(INSTALLED) ## Compare the service with other job queues, in .cache/peers; takes half an hour
	$(BIN)/python -m benchmarks.peers

mutants: $(INSTALLED) ## Switch the guards off one by one: the tests have to notice; takes half an hour
	$(BIN)/python -m tests.mutants

power: $(INSTALLED) ## Cut the power CUTS times: nothing that was acknowledged may be lost; needs root
	$(BIN)/python -m tests.system.power --cuts $(CUTS)

audit: $(INSTALLED) ## Write the bill of materials of the image, and ask for known faults of all packages; needs a connection
	$(BIN)/python -m tests.support.audit

chaos: $(INSTALLED) ## Faults for SECONDS=60 on DATABASE=sqlite or postgresql, SEED=n; LISTENERS=2, RUNNERS=2, NETWORKS=1 to cut them; then the promises are checked
	$(BIN)/python -m tests.system.chaos --seconds $(SECONDS) --database $(DATABASE) --listeners $(LISTENERS) --runners $(RUNNERS) \
		$(if $(SEED),--seed $(SEED)) $(if $(NETWORKS),--networks)

docker-test: ## Test the image and the compose file; needs a Docker engine
	tests/system/docker/run

clean: ## Remove what these targets made; ./data stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache tests/web/node_modules
	find server runner storage tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Only files that have one of the hashes in the locks, and only wheels: building a package would run code without a hash.
$(INSTALLED): requirements.lock requirements-tracing.lock tests/requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Python 3.11 or newer is needed, $(PYTHON) is older: try PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"$(PYTHON) cannot make virtual environments: install its package python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
		-r requirements.lock -r requirements-tracing.lock -r tests/requirements.lock
	@touch $@
