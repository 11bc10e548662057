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
PORT ?= 8000
INTO ?= .cache/site/served

BIN := $(VENV)/bin
# What runs, and what developers need on top.
INSTALLED := $(VENV)/installed
DEVELOPER := $(VENV)/installed-dev
# The blocking client, which is made from the other one.
SYNC := client/jobservice/_sync/__init__.py
TOOLS := $(DEVELOPER) $(SYNC)
# What runs on macOS and Windows too, and its tests, but for the one of forked processes.
ANYWHERE := client/jobservice loganalysis tests/client tests/loganalysis tests/support/loganalysis/oracle.py
# What builds the site.
SITE := .cache/site/tools/installed
# What own job types need, in a folder behind the packages of the service: those always come first.
TYPES_REQUIRE := $(wildcard $(or $(JOB_TYPES_FOLDER),job_types)/requirements.txt)
TYPES_PACKAGES := $(VENV)/job_types
TYPES_INSTALLED := $(TYPES_PACKAGES)/installed

.DEFAULT_GOAL := help
.PHONY: help doctor run test test-all check types docs audit generators site bench kernel peers mutants chaos power releases arm docker-test systemd-test kubernetes-test install-systemd release clean

help: ## List these targets
	@echo "make TARGET [PYTHON=python3.13] [VENV=.venv]"
	@awk -F ' *:.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Each program would compile all modules again, if the environment forbids to keep bytecode.
run: export PYTHONDONTWRITEBYTECODE :=
run: $(INSTALLED) $(if $(TYPES_REQUIRE),$(TYPES_INSTALLED)) ## Start listener and worker, data in ./data; Ctrl-C stops both; RELOAD=1 uses changed job types at once
	@$(if $(TYPES_REQUIRE),,rm -rf $(TYPES_PACKAGES))
	@LOG_FORMAT="$${LOG_FORMAT:-text}" exec $(BIN)/python -m server --with-worker $(if $(RELOAD),--reload)

doctor: $(INSTALLED) ## Examine settings, machine and store, and say what to do; OPTIONS="--fix" repairs the store
	@$(BIN)/python -m storage doctor $(if $(wildcard .env),--env-file .env) $(OPTIONS)

test: export PYTHONDONTWRITEBYTECODE :=
test: $(TOOLS) ## Run the tests but heavy ones; TESTS="-k cancel" picks some
	@$(BIN)/pytest $(TESTS)

# Tests that measure time run first, one at a time. Pytest's exit code 5 means that TESTS chose none of the pass.
test-all: export PYTHONDONTWRITEBYTECODE :=
test-all: $(TOOLS) ## Run all tests, also heavy ones, those in a browser, and each test of the API both ways with each database
	@$(BIN)/pytest --all -n 0 -m timing $(TESTS); alone=$$?; \
	$(BIN)/pytest --all $(TESTS); others=$$?; \
	case "$$alone $$others" in "0 0" | "0 5" | "5 0") ;; *) exit 1 ;; esac

check: $(TOOLS) types ## Lint, format and types of Python and JavaScript, import rule and sizes
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	for system in win32 darwin; do \
		$(BIN)/mypy --platform $$system --follow-imports silent --exclude test_ranges.py --cache-dir .mypy_cache/$$system $(ANYWHERE) || exit 1; done
	$(BIN)/pytest -q tests/test_imports.py tests/test_style.py
	for script in .ci/run tests/system/docker/run tests/system/systemd/run tests/system/kubernetes/run \
		tests/system/cgroups/run tests/web/check tests/generators/run; do \
		bash -n $$script || exit 1; done
	tests/web/check $(abspath $(BIN))/python

types: $(TOOLS) ## The types of Python only, which depend on its version
	$(BIN)/mypy

docs: $(TOOLS) ## Write docs/settings.md, docs/errors.md and docs/pattern-sets.md from the code
	$(BIN)/python -m tests.support.settings_page
	$(BIN)/python -m tests.support.errors_page
	$(BIN)/python -m tests.support.pattern_sets_page

site: $(TOOLS) $(SITE) ## Build docs/ into a site, check it, and show it at PORT=8000; CHECK=1 only builds; INTO=FOLDER adds this release to a folder
	$(BIN)/python -m tests.support.site $(INTO)
	@$(if $(CHECK),,echo "Ready: http://localhost:$(PORT) — Ctrl-C stops"; exec $(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory $(INTO))

$(SITE): docs/site/requirements.lock
	$(PYTHON) -m venv .cache/site/tools
	.cache/site/tools/bin/pip install --quiet --disable-pip-version-check $(HASHED) -r $<
	@touch $@

bench: $(TOOLS) ## Compare analyze with ripgrep, which has to be installed; takes minutes
	$(BIN)/python -m benchmarks.loganalysis.analyze

# In an environment of its own: Zig has 400 MB.
kernel: ## Compile loganalysis/native into its wheels; CHECK=1 compares them with the sources
	$(PYTHON) -m venv .cache/kernel
	.cache/kernel/bin/pip install --quiet --disable-pip-version-check ziglang==0.17.1
	.cache/kernel/bin/python -m loganalysis.native.build $(if $(CHECK),--check)

peers: $(TOOLS) ## Compare the service with other job queues, in .cache/peers; takes half an hour
	$(BIN)/python -m benchmarks.peers

mutants: $(TOOLS) ## Switch the guards off one by one: the tests have to notice; takes half an hour
	$(BIN)/python -m tests.mutants

power: $(TOOLS) ## Cut the power CUTS times: nothing that was acknowledged may be lost; needs root
	$(BIN)/python -m tests.system.power --cuts $(CUTS)
	$(BIN)/python -m tests.system.power.backups --cuts $(CUTS)

generators: $(TOOLS) ## Generate clients from /openapi.json with other people's tools, and run them; installs these in .cache
	tests/generators/run $(abspath $(BIN))/pytest

audit: $(TOOLS) ## Write the bill of materials of the image, and ask for known faults of all packages; needs a connection
	$(BIN)/python -m tests.support.audit

chaos: $(TOOLS) ## Faults for SECONDS=60 on DATABASE=sqlite or postgresql, SEED=n; LISTENERS=2, RUNNERS=2, NETWORKS=1 to cut them; then the promises are checked
	$(BIN)/python -m tests.system.chaos --seconds $(SECONDS) --database $(DATABASE) --listeners $(LISTENERS) --runners $(RUNNERS) \
		$(if $(SEED),--seed $(SEED)) $(if $(NETWORKS),--networks)

releases: $(TOOLS) ## Replace the previous release by this one under load, back, and again, for SECONDS=60 on DATABASE=sqlite or postgresql
	$(BIN)/python -m tests.system.releases --seconds $(SECONDS) --database $(DATABASE)

arm: $(TOOLS) ## Run the service for ARM by qemu, with the wheels of the lock; needs Debian's apt-get and a connection; takes minutes
	$(BIN)/python -m tests.system.arm

docker-test: ## Test the image and the compose file; needs a Docker engine
	tests/system/docker/run

systemd-test: ## Test the units of systemd in containers that run it; needs a Docker engine, and Debian's packages
	tests/system/systemd/run

kubernetes-test: ## Test the manifests for Kubernetes, and run a pod; needs a Docker engine, podman and kubectl
	tests/system/kubernetes/run

install-systemd: ## Install and start the service below systemd, as root; UNITS="listener worker"
	@PYTHON="$(PYTHON)" deploy/systemd/install $(UNITS)

release: $(TOOLS) ## Write image, pyz, wheels, bill of materials, notes and checksums into dist; needs a connection
	$(BIN)/python -m tests.support.release

clean: ## Remove what these targets made; ./data stays
	rm -rf $(VENV) client/jobservice/_sync .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache dist tests/web/node_modules
	find admin job_service loganalysis server runner storage client tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(SYNC): client/generate_sync.py $(wildcard client/jobservice/_async/*.py)
	@$(PYTHON) client/generate_sync.py && touch $@

# Only files that have one of the hashes in the locks, and only wheels: building a package would run code without a hash.
# Bytecode is made at the first start, and only of what is loaded. With uv, which brings a Python if there is none.
HASHED := --only-binary :all: --require-hashes
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),$(UV) pip install --python $(BIN)/python $(HASHED) $(1),{ $(BIN)/pip install \
	--disable-pip-version-check --no-compile --progress-bar off $(HASHED) $(1) || echo failed; } \
	| { total=$$(sed -n 's/==.*//p' $(filter-out -r,$(1)) | sort -u | wc -l); $(PROGRESS); })

# Counts the packages that pip fetches, of those in the locks: on a terminal in one line. Those that are installed already,
# or that other systems need, do not count.
define PROGRESS
count=0; if [ -t 1 ]; then begin='\r\033[K' end=; else begin= end='\n'; fi; \
while read -r word name rest; do case $$word in \
	Collecting | Processing) name=$${name##*/}; name=$${name%%-[0-9]*}; count=$$((count + 1)); test $$count -le $$total || total=$$count; \
		printf "$$begin  %s of %s: %s$$end" $$count $$total "$${name%%=*}" ;; \
	Ignoring | Requirement) total=$$((total - 1)) ;; \
	Installing) printf "$$begin  %s packages fetched, unpacking them\n" $$count ;; \
	failed) exit 1 ;; esac; done
endef

define DOCKER_INSTEAD
Use Docker instead:

    docker build -t job-service .
    docker run -p 5000:5000 -v jobs-data:/data job-service

endef
export DOCKER_INSTEAD

$(INSTALLED): requirements.lock
	@test "$$(uname -s)" = Linux || { printf '%s\n' \
		"The service needs Linux; this is $$(uname -s). $$DOCKER_INSTEAD" >&2; exit 1; }
	@$(if $(UV),true,$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null) || { printf '%s\n' \
		"Python 3.11 or newer is needed, and $(PYTHON) is not: try PYTHON=python3.13, or install uv." \
		"$$DOCKER_INSTEAD" >&2; exit 1; }
	@$(if $(UV),true,$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null) || { printf '%s\n' \
		"$(PYTHON) cannot make virtual environments: install its package python3-venv, or uv." \
		"$$DOCKER_INSTEAD" >&2; exit 1; }
	@echo "Installing about 100 MB into $(VENV), once"
	@test -x $(BIN)/python || $(if $(UV),{ $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		&& $(UV) venv --quiet --seed --python $(PYTHON) $(VENV) \
		|| $(UV) venv --quiet --seed --python 3.13 $(VENV); },$(PYTHON) -m venv $(VENV))
	@$(call INSTALL,-r requirements.lock)
	@touch $@

# The service would load its own versions instead of other ones, so others are refused here.
$(TYPES_INSTALLED): $(TYPES_REQUIRE) requirements.lock | $(INSTALLED)
	@echo "Installing $(TYPES_REQUIRE) into $(TYPES_PACKAGES)"
	@rm -rf $(TYPES_PACKAGES) $(TYPES_PACKAGES).new
	@grep -o '^[a-z0-9-]*==[^ +]*' requirements.lock > $(VENV)/versions.txt
	@$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/pip install --quiet \
		--disable-pip-version-check --no-compile) --target $(TYPES_PACKAGES).new --constraint $(VENV)/versions.txt -r $(TYPES_REQUIRE) \
		|| { echo "Packages that the service has as well need its versions: $(VENV)/versions.txt" >&2; exit 1; }
	@mv $(TYPES_PACKAGES).new $(TYPES_PACKAGES)
	@$(BIN)/python -c 'import sysconfig; open(sysconfig.get_path("purelib") + "/job_types.pth", "w").write("$(abspath $(TYPES_PACKAGES))\n")'
	@touch $@

$(DEVELOPER): $(INSTALLED) requirements-tracing.lock tests/requirements.lock
	@echo "Installing what tests and checks need, 430 MB, once"
	@$(call INSTALL,-r requirements.lock -r requirements-tracing.lock -r tests/requirements.lock)
	@touch $@
