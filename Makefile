# Needs Python and make, nothing else. `make help` lists the targets.

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
CORES ?= all
CONFIG ?= config/config.yaml

VENV := .venv
BIN := $(VENV)/bin
PINS := envs/requirements
# Wheels only, so that an unsupported platform is refused at once instead of after a long failed build.
# connection-pool and jsonpath-rw, a few lines of Python that Snakemake and mlcroissant depend on, are published as
# source alone.
WHEELS ?= --only-binary :all: --no-binary connection-pool,jsonpath-rw
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-build-isolation --use-pep517
# What run.txt has everywhere is not repeated in the files that are installed on top of it.
BEYOND_RUN = --constraint $(PINS)/run.txt $(shell sed -n 's/^\([[:alnum:]._-]*\)==[^;]*$$/--no-emit-package \1/p' $(PINS)/run.txt)
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make pins" $(PIN_FLAGS)

.PHONY: run test bench docs lint format pins clean help

run: $(VENV)/run.stamp ## make datasets (CORES=4 for fewer cores; CONFIG=config/jetclass.yaml, several are made in turn; EVENTS=100 of each process at most)
	@# Where Snakemake was interrupted it has said so, and make only has to end of the same signal: it must see this
	@# before the end of its child, or it waits for the child twice and says so.
	@trap : INT; for config in $(CONFIG); do \
		$(BIN)/snakemake --cores $(CORES) --configfile $$config $(if $(EVENTS),--config events_at_most=$(EVENTS)) || \
		{ code=$$?; [ $$code -eq 130 ] && kill -INT $$PPID && sleep 0.2 && exit; exit $$code; } done

test: $(VENV)/test.stamp ## run the tests (PYTEST_FLAGS="-k seeds" for some of them, PYTEST_FLAGS='-m ""' for the long ones, too)
	$(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder -m "not long" $(PYTEST_FLAGS)

bench: $(VENV)/run.stamp ## measure time and memory
	$(BIN)/python -m benchmarks

docs: $(VENV)/docs.stamp ## build the documentation in site/
	$(BIN)/mkdocs build --strict

lint: $(VENV)/test.stamp ## check style and workflow
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: $(VENV)/test.stamp ## put code into the common style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile workflow

pins: $(VENV)/run.stamp ## renew the pinned requirements from pyproject.toml (PIN_FLAGS=--upgrade for newer releases)
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --group build --output-file $(PINS)/build.txt
	$(COMPILE) --group build --output-file $(PINS)/run.txt --extra generate pyproject.toml
	$(COMPILE) --group build --output-file $(PINS)/test.txt $(BEYOND_RUN) --extra generate --extra test pyproject.toml \
		--override $(PINS)/torch.in
	$(COMPILE) --group build --output-file $(PINS)/docs.txt $(BEYOND_RUN) --extra generate --extra docs pyproject.toml
	$(BIN)/python envs/conda.py

clean: ## remove everything that is not source, except results/
	rm -rf $(VENV) .snakemake .pytest_cache .ruff_cache .hypothesis site build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

$(VENV)/run.stamp: $(PINS)/build.txt $(PINS)/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11, 3.12 or 3.13 found; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1), expected 3.11, 3.12 or 3.13; name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make virtual environments; install its venv module (Debian and Ubuntu: the package python3-venv)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON); the first time this takes a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) $(WHEELS) --require-hashes --requirement $(PINS)/build.txt
	$(INSTALL) $(WHEELS) --require-hashes --requirement $(PINS)/run.txt
	$(INSTALL) --no-deps --editable .
	touch $@

$(VENV)/test.stamp: $(PINS)/test.txt $(PINS)/torch.txt $(VENV)/run.stamp
	$(INSTALL) $(WHEELS) --require-hashes --requirement $<
	$(INSTALL) $(WHEELS) --requirement $(PINS)/torch.txt
	touch $@

$(VENV)/docs.stamp: $(PINS)/docs.txt $(VENV)/run.stamp
	$(INSTALL) $(WHEELS) --require-hashes --requirement $<
	touch $@
