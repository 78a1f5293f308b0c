# `make demo` and `make test` are all you need: each sets up what it needs, in .venv/ of this checkout.
#
#   make demo        a guided run: a cluster, a domain, a few deaths, all healed (ARGS="--plain")
#   make test        all tests (ARGS="-k doctor -x"), on ZooKeeper and RabbitMQ, which root gets from Debian,
#                    in three processes at once, as most of them wait (WORKERS=0: in one)
#   make check       style, types, layers and the quick tests: before each commit
#   make genconfig   write etc/elastic/elastic.conf.sample anew
#   make venv        only set up
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 3

.PHONY: venv demo test check genconfig

venv: $(VENV)/.done

$(VENV)/.done: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@test -x $(BIN)/pip || { echo "Setting up $(VENV) (a minute, once)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-warn-script-location --editable '.[test]'
	@touch $@

demo: venv
	@$(BIN)/elastic demo $(ARGS)

test: venv
	@tests/servers/install.sh
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/architecture -m "not slow and not functional" $(ARGS)

genconfig: venv
	$(BIN)/oslo-config-generator --config-file etc/elastic/elastic-config-generator.conf
