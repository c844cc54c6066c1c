# Two commands are all the set-up there is: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Processes that tests run in, each with servers of its own: tests wait more than they compute.
TEST_PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help run test lint format docs bench lock clean

help:
	@echo "make run     install into .venv, start everything on http://127.0.0.1:5000 (ARGS='--port 8080')"
	@echo "make test    lint, types and every test (ARGS='tests/unit -k word')"
	@echo "make lint    ruff, mypy strict                    make format  ruff, in place"
	@echo "make bench   the comparisons of docs/benchmarks.md  make docs    what of docs/ the code writes"
	@echo "make lock    resolve the lock files again         make clean   remove what these commands made"

# The stamps are as new as the lock they were installed from.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

run: $(VENV)/run.stamp
	@exec $(BIN)/postpulse up $(ARGS)

test: lint
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/run.stamp
	$(BIN)/python -m stream_processors.metrics_document docs/metrics.md
	$(BIN)/python -m postpulse.streams.document docs/streams.md docs/asyncapi.json

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks $(ARGS)

# hatchling and editables are in both locks: the project itself is built without a network.
lock: $(VENV)/dev.stamp
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --extra embedded --extra build --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --extra embedded --extra build --extra dev --constraint requirements.lock \
	  --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .artifacts dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
