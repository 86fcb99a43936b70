# Everything starts here: `make demo` on a fresh copy makes the environment, simulates a firm and closes its books.
# Nothing is installed outside $(VENV).

VENV ?= .venv
# Three more than the cores that CI has: tests with servers wait for two thirds of their time (tests/order.py).
JOBS ?= 5
PYTEST_ARGS ?=
HYPOTHESIS_PROFILE ?= ci
BENCH_ARGS ?=
KAFKA_ARGS ?=
CHAOS_ARGS ?=
ENDURANCE_ARGS ?=
FUZZ_ARGS ?=

# Tests and the demo start hundreds of processes: each reads what the first has compiled, also where the environment says no.
unexport PYTHONDONTWRITEBYTECODE

# Found once, and only where an environment is to be made.
PYTHON_FITS := import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(eval PYTHON := $(shell scripts/find_python.sh))$(PYTHON)

BIN := $(VENV)/bin
READY := $(VENV)/.ready

PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --generate-hashes \
	--allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint format types imports schemas kafka chaos endurance fuzz mutations monitoring bench lock clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv, from the locked requirements

demo: $(READY) ## Simulate a firm's quarter, run it, deliver it to a simulated ERP and show what finance gets
	@PATH="$(abspath $(BIN)):$$PATH" scripts/demo.sh

test: $(READY) ## Run the tests (HYPOTHESIS_PROFILE=thorough searches longer)
	$(BIN)/pytest -n $(JOBS) --dist worksteal --hypothesis-profile=$(HYPOTHESIS_PROFILE) $(PYTEST_ARGS)

lint: $(READY) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## Mend style and format where that is safe
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY) ## Check types
	$(BIN)/mypy

imports: $(READY) ## Check that imports point inward
	$(BIN)/lint-imports

schemas: $(READY) ## Check the schemas: rules, history, and that the generated code and pages are theirs
	$(BIN)/milepost schemas check
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m schemas.policies_page --check
	$(BIN)/python -m schemas.limits_page --check
	$(BIN)/python -m schemas.topics_page --check
	$(BIN)/python -m schemas.settings_page --check
	$(BIN)/python -m schemas.asyncapi --check
	$(BIN)/python -m schemas.rules_lock --check

kafka: $(READY) ## Run a Kafka broker and a schema registry on this machine until Ctrl-C
	@exec $(BIN)/python -m tests.servers $(KAFKA_ARGS)

mutations: $(READY) ## Change a line of each of twenty rules and see whether explanations follow
	@$(BIN)/python -m tests.mutations

monitoring: $(READY) ## Check that dashboard and page of monitoring are those of their scripts
	$(BIN)/python -m monitoring.dashboard --check
	$(BIN)/python -m monitoring.page --check

chaos: $(READY) ## Kill processes, stores and a broker while a firm's events come, and compare (CHAOS_ARGS="--seed 7 --minutes 10")
	@$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

endurance: $(READY) ## Deliver to badly behaved ERPs, killed at each point, and compare (ENDURANCE_ARGS="--erp netsuite --journals 20000")
	@$(BIN)/python -m tests.endurance $(ENDURANCE_ARGS)

fuzz: $(READY) ## Run firms whose events were mutated to the end, and verify them (FUZZ_ARGS="--events 300000 --seed 1")
	@$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

bench: $(READY) ## Measure throughput and latency
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lock: $(READY) ## Renew the locked requirements, on the oldest supported Python
	$(PIP_COMPILE) --output-file requirements.txt requirements.in
	$(PIP_COMPILE) --output-file requirements-build.txt requirements-build.in
	$(PIP_COMPILE) --constraint requirements.txt --constraint requirements-build.txt \
		--output-file requirements-dev.txt requirements.in requirements-build.in requirements-dev.in

clean: ## Remove what was built; the environment stays
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "Milepost needs Python 3.11 or 3.12 with its venv module; none of python3.12, python3.11, python3 fits." >&2; \
		echo "Install one, or name it: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.12" >&2; \
		exit 1; }
	@"$(PYTHON)" -c '$(PYTHON_FITS)' || { \
		echo "Milepost needs Python 3.11 or 3.12 with its venv module; $(PYTHON) is $$("$(PYTHON)" --version 2>/dev/null || echo "no Python that runs")." >&2; \
		exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(READY): requirements.in requirements-build.in requirements-dev.in requirements-dev.txt pyproject.toml setup.py $(wildcard connectors/*.pyx) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
