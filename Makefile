# Every target sets up what it needs: `make run` and `make test` work on a fresh machine.

PYTHON ?= python3
BIN := .venv/bin
TEST_OPTIONS ?= -n 2 --dist loadfile
.DEFAULT_GOAL := help

.PHONY: help run test check lint audit bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/'

run: .venv/installed ## start the dashboard at http://127.0.0.1:8501
	$(BIN)/streamlit run dashboard/app.py

test: .venv/installed-dev ## run all tests
	$(BIN)/python -m pytest $(TEST_OPTIONS)

check: lint ## all checks: format, lint, types, layers, and the tests with coverage
	$(MAKE) test TEST_OPTIONS="--cov --cov-report=term $(TEST_OPTIONS)"

lint: .venv/installed-dev ## the checks that run no code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: .venv/installed-dev ## look all installed packages up in the database of known weaknesses (needs the network)
	$(BIN)/pip-audit --local $(AUDIT_OPTIONS)

bench: .venv/installed-dev ## run the benchmarks in short form, write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

clean: ## remove the environment and caches, never the store
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage .import_linter_cache

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tonescope needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/installed-dev: requirements-dev.txt requirements-cluster.txt requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch .venv/installed $@
