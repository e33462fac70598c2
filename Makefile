# One command each.  `make setup` first; CI runs .ci/run and nothing else.
PYTHON := .venv/bin/python
NAME ?= all

.PHONY: help setup setup-tools check static unit docs quick test soak coverage crash bench

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/:/' | column -t -s:

setup:  ## create .venv for development; list missing system tools
	python3 -m venv .venv
	.venv/bin/pip install --quiet --editable '.[dev]'
	@sh tests/system_tools.sh

setup-tools:  ## install the missing system tools (Debian, Ubuntu; as root)
	@sh tests/system_tools.sh install

check: static unit docs  ## what every commit must pass; .pre-commit-config.yaml runs the same

static:  ## format, lint, types, import rules
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

unit:  ## unit tests, half a minute
	$(PYTHON) -m pytest -q -n 2 tests/unit tests/typing

docs:  ## the documentation site into site/; fails on a dead link
	$(PYTHON) -m mkdocs build --strict

quick:  ## all tests but those that take minutes
	$(PYTHON) -m pytest -q -n 2 --dist loadfile -m "not slow"

test:  ## all tests; fails if a test that docs/acceptance.md names was not run
	$(PYTHON) -m pytest -n 3 --dist loadfile

soak:  ## the longest tests in their full form
	BULKZOHO_SOAK=1 $(PYTHON) -m pytest -n 3 --dist loadfile -m slow tests/e2e

coverage:  ## lines that unit and contract tests run; fails below the limit in pyproject.toml
	$(PYTHON) -m pytest -q -n 2 -m "not slow" --cov --cov-report=term:skip-covered tests/unit tests/contract

crash:  ## the whole crash suite: killed at random moments and at every system call; an hour
	$(PYTHON) -m tests.crash.run_all

bench:  ## all benchmarks into docs/benchmarks.md, half an hour; or one: make bench NAME=import, make bench NAME=import BASE=rev
	$(PYTHON) -m benchmarks $(NAME) $(if $(BASE),--base $(BASE)) $(OPTIONS)
