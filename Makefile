# Every target sets up what it needs. Needed beforehand: git, make and Python 3.11, 3.12 or 3.13.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

# The demo's clock: the extract in seeds/raw ends the evening before.
export SEAMLINE_AS_OF ?= 2026-11-01T00:00:00
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

.PHONY: help demo demo-real test test-real-crm test-real-newsletter lint dagster sandbox clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: .venv/.runtime ## Land the seeds, build, test and sync into the sandbox; print what happened
	@$(BIN)/python -m orchestration.demo

demo-real: .venv/.runtime ## The same models on real data: make demo-real DATA=DIR
	@test -n "$(DATA)" || { echo "usage: make demo-real DATA=DIR, with uci_online_retail_2009_2010.parquet and retentioneering_clickstream.csv in DIR" >&2; exit 2; }
	@$(BIN)/python -m orchestration.demo --real "$(DATA)"

test: .venv/.dev ## Run every test
	@$(BIN)/python -m pytest -n 2 --dist loadfile

# Real servers are too large to install in every run: each has its own target and environment.
REAL := .venv/real
CRM_PYTHON ?= $(shell for each in python3.14 python3.13 python3.12 $(PYTHON); do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo $$each && break; done)

test-real-crm: .venv/.dev $(REAL)/crm/.installed ## Sync into a real BottleCRM (Python 3.12 or newer, PostgreSQL, Redis)
	SEAMLINE_TEST_CRM=$(REAL)/crm $(BIN)/python -m pytest --timeout 900 tests/reverse_etl/real/test_crm.py

$(REAL)/crm/.installed: .venv/.created $(addprefix tests/reverse_etl/real/bottlecrm/,pyproject.toml seamline_bottlecrm.py)
	@test -n "$(CRM_PYTHON)" || { echo "BottleCRM needs Python 3.12 or newer; name one: make test-real-crm CRM_PYTHON=python3.12" >&2; exit 1; }
	@$(CRM_PYTHON) -m venv $(REAL)/crm
	@$(REAL)/crm/bin/python -m pip install --quiet --disable-pip-version-check --no-input django-crm==1.35.0 packaging
	@rm -rf $(REAL)/crm/plugin
	@$(PIP) --no-deps --target $(REAL)/crm/plugin ./tests/reverse_etl/real/bottlecrm
	@touch $@

test-real-newsletter: .venv/.dev $(REAL)/ghost/.installed ## Sync into a real Ghost (Node 20; installs for half an hour)
	SEAMLINE_TEST_GHOST=$(REAL)/ghost/package $(BIN)/python -m pytest --timeout 900 tests/reverse_etl/real/test_newsletter.py

# Its development dependencies are not all published; without them the package installs.
$(REAL)/ghost/.installed: .venv/.created
	@mkdir -p $(REAL)/ghost
	cd $(REAL)/ghost && npm pack --silent ghost@5.130.6 && tar xzf ghost-5.130.6.tgz && cd package \
	  && npm pkg delete devDependencies && npm install --omit=dev --legacy-peer-deps --no-audit --no-fund
	@touch $@

lint: .venv/.dev ## Check style, types, imports and SQL
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	SEAMLINE_DUCKDB_PATH=:memory: $(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project
	SEAMLINE_DUCKDB_PATH=:memory: $(BIN)/sqlfluff lint --processes 2 dbt_project

dagster: .venv/.runtime ## Open Dagster's UI, with the sandbox beside it
	@$(BIN)/python -m orchestration.local

sandbox: .venv/.runtime ## Serve the stand-in for the channels, with a page that shows each audience
	@$(BIN)/seamline sandbox

clean: ## Remove the environment and all local state
	rm -rf .venv .seamline .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf build *.egg-info logs dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	  || { echo "Seamline needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.created requirements.lock pyproject.toml
	@echo "Installing what it runs on (requirements.lock) into .venv; the first time takes a few minutes."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.created requirements-dev.lock pyproject.toml
	@echo "Installing what it is tested with (requirements-dev.lock) into .venv; the first time takes a few minutes."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --editable .
	@touch $@ .venv/.runtime

# Spark, for the tests that skip without it; they need Java as well.
.venv/.spark: .venv/.dev requirements-spark.lock
	@$(PIP) --no-deps --require-hashes -r requirements-spark.lock
	@touch $@
