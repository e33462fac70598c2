# One command each.  `make setup` first; CI runs .ci/run and nothing else.
PYTHON := .venv/bin/python
NAME ?= all

.PHONY: setup check static unit quick test crash bench

setup:  ## what the README's test command does before it tests
	python3 -m venv .venv
	.venv/bin/pip install --quiet --editable '.[dev]'

check: static unit  ## before every commit; a minute

static:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

unit:
	$(PYTHON) -m pytest -q tests/unit

quick:  ## everything but what takes minutes
	$(PYTHON) -m pytest -q -m "not slow"

test:  ## everything; fails if a test that docs/acceptance.md names was not run
	$(PYTHON) -m pytest -n 3 --dist loadfile

crash:  ## the whole attack: killed at random moments and at every system call; an hour
	$(PYTHON) -m tests.crash.run_all

bench:  ## all benchmarks into docs/benchmarks.md, half an hour; or one: make bench NAME=import, make bench NAME=import BASE=rev
	$(PYTHON) -m benchmarks $(NAME) $(if $(BASE),--base $(BASE)) $(OPTIONS)
