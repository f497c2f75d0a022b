# Two commands: `make demo` and `make test`. Both set themselves up in .venv first; a second run is quick.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint wheel deb docs bench corpus torture audit clean

demo: .venv/installed
	@$(BIN)/python -m fixtures.demo $(if $(KEEP),--keep)

test: .venv/installed
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: .venv/installed
	rm -rf dist
	$(BIN)/python -m hatchling build -t wheel

deb: .venv/installed
	debian/build

# The site has an environment of its own, so that the program's has nothing of it.
docs: .venv/docs/installed
	rm -rf build/site
	.venv/docs/bin/python docs/build_site.py build/site

.venv/docs/installed: requirements-docs.lock
	$(PYTHON) -m venv .venv/docs
	.venv/docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.lock
	@touch $@

bench: .venv/installed
	$(BIN)/python -m bench.ingest $(ARGS)

corpus: .venv/installed
	$(BIN)/python -m tests.corpus

torture: .venv/installed
	$(BIN)/python -m tests.torture $(ARGS)

# Its packages are no part of ours, so they get an environment of their own for a moment.
audit:
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv/audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements.lock
	.venv/audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements-validation.lock
	.venv/audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements-otel.lock

clean:
	rm -rf .venv dist build

.venv/installed: requirements.lock requirements-validation.lock requirements-otel.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-validation.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-otel.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
