# Two commands do everything on a fresh machine with Python 3.11+ and make:
#   make demo    the main job, live in the terminal
#   make test    the tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUNS   := $(VENV)/.runtime
STAMP  := $(VENV)/.locked
# Twice the cores: most tests wait for a process or a socket, and not for a core.
WORKERS = $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')

.PHONY: demo test lint audit docs reference bench mutants dist pin lock clean
.DEFAULT_GOAL := test

# What the relay runs with, and what makes an installed package of this folder; no more is waited for before a first demo.
$(RUNS): requirements/runtime.txt requirements/build.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# And the wheels once more as they are: the tests of the wheel and of the image install from them, without a network.
$(STAMP): $(RUNS) requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	rm -rf $(VENV)/wheels
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: --dest $(VENV)/wheels -r requirements/runtime.txt -r requirements/build.txt
	touch $@

demo: $(RUNS)
	$(BIN)/relay demo $(DEMO)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive relay
	$(BIN)/hadolint Dockerfile

# Asks for published advisories on what is locked; says so where nobody answers.
audit: $(STAMP)
	$(BIN)/python requirements/audit.py

# The documentation, in build/docs, without a warning and without a dead link; it asks the network for nothing.
docs: $(STAMP)
	rm -rf build/docs
	$(BIN)/sphinx-build --quiet --nitpicky --fail-on-warning --keep-going --fresh-env -d build/doctrees docs build/docs
	$(BIN)/python docs/links.py build/docs

# Rewrites docs/reference/config.md from the config's model.
reference: $(STAMP)
	$(BIN)/python docs/keys.py

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

# Changes the code in a copy, one place at a time, and lists the changes that no test noticed; docs/mutants.md explains
# those we know. Some only: make mutants MUTANTS='relay.backfill.*'. Seen closer: .venv-mutants/bin/mutmut show NAME
mutants: .venv-mutants/.locked
	.venv-mutants/bin/mutmut run --max-children 1 $(MUTANTS)
	.venv-mutants/bin/mutmut results | sed '/: not checked$$/d'

.venv-mutants/.locked: requirements/mutation.txt
	$(PYTHON) -m venv .venv-mutants
	.venv-mutants/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutation.txt
	touch $@

# A wheel and an sdist in dist/, to the byte the same wherever and whenever a commit is built: every time in them is the
# commit's, and that of PKG-INFO in an unpacked sdist, which is the same one.
# Where neither is there, hatchling's own.
AGELESS := 1580601600
dist: $(RUNS)
	rm -rf dist
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(stat -c %Y PKG-INFO 2>/dev/null || git log -1 --format=%ct 2>/dev/null || echo $(AGELESS))} \
	  $(BIN)/python -m hatchling build -t sdist -t wheel -d dist

# Writes the digest that the base of the image has today into the Dockerfile; commit it to build on those bytes from now on.
pin:
	tag=$$(sed -n "s/^ARG PYTHON=\([^@]*\).*/\1/p" Dockerfile) \
	  && digest=$$(docker buildx imagetools inspect "$$tag" --format "{{json .Manifest.Digest}}" | tr -d \") \
	  && case $$digest in sha256:*) sed -i "s|^ARG PYTHON=.*|ARG PYTHON=$$tag@$$digest|" Dockerfile ;; *) exit 1 ;; esac

# Rewrites the lock files from pyproject.toml; `make lock UPGRADE=--upgrade` takes newer versions.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url $(UPGRADE) pyproject.toml -o requirements/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url $(UPGRADE) --group dev --all-extras -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url $(UPGRADE) --group build -c requirements/dev.txt -o requirements/build.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url $(UPGRADE) --all-extras -c requirements/runtime.txt pyproject.toml -o requirements/apprise.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url $(UPGRADE) --group dev --group mutation --all-extras -c requirements/dev.txt pyproject.toml -o requirements/mutation.txt

clean:
	rm -rf $(VENV) .venv-mutants mutants build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
