# Needs Python 3.11 or newer with its venv module, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0

.PHONY: quickstart test slow bench lint install install-test install-slow clean

quickstart: install
	$(BIN)/python -m framework +experiment=quickstart

test: install-test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

slow: install-slow
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

bench: install-test
	$(BIN)/python -m benchmarks

lint: install-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

install: $(VENV)/installed
install-test: $(VENV)/installed-test
install-slow: $(VENV)/installed-slow

$(VENV)/installed: pyproject.toml constraints.txt
	@grep -qx '$(TORCH)' constraints.txt || { echo "constraints.txt must pin $(TORCH)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

# PySpark (which needs Java 17) is large, so only the long proofs install it.
$(VENV)/installed-slow: $(VENV)/installed-test
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test,spark]'
	touch $@

clean:
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
