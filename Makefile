# Every command sets up what it needs: a fresh clone and `make demo` are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BROWSER := tests/browser/node_modules/.installed

.PHONY: setup system demo test coverage check torture bench format clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[demo]' --group dev
	touch $(STAMP)

# What the tests need from the system: installed when root, else named.
system:
	.ci/system-packages

# The TypeScript compiler, which checks the types of the browser's module.
$(BROWSER): tests/browser/package.json
	npm install --prefix tests/browser --no-package-lock --no-audit --no-fund --silent
	touch $(BROWSER)

demo: setup
	$(BIN)/tracker demo

# Two processes, each file in one of them: docs/decisions/0019.
test: setup system $(BROWSER)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# The tests again, with every line counted: twice as long.
coverage: setup system $(BROWSER)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The long forms of the tests of faults and load; the figures stand in a table at the end.
torture: setup system
	JOBREEL_TORTURE=1 $(BIN)/python -m pytest -s --timeout=1800 tests/faults tests/nodes \
		tests/acceptance/test_exactly_once.py tests/acceptance/test_slow_clients.py \
		tests/acceptance/test_half_open.py tests/acceptance/test_kill.py tests/acceptance/test_import_killed.py \
		tests/acceptance/test_workers.py tests/acceptance/test_remote_overload.py tests/security \
		tests/api/test_openapi_fuzz.py tests/browser/test_foreign_pages.py tests/lua $(ARGS)

# Every figure: most of an hour. `make bench ARGS="--short"` is a minute for every day.
bench: setup
	$(BIN)/python -m tests.benchmarks $(ARGS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
