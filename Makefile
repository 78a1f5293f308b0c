# `make demo` and `make test` are all you need: each sets up what it needs, in .venv/ of this checkout.
#
#   make demo        a guided run: a cluster, a domain, a few deaths, all healed (ARGS="--plain")
#   make test        all tests (ARGS="-k doctor -x"), on ZooKeeper and RabbitMQ, which root gets from Debian,
#                    in three processes at once, as most of them wait (WORKERS=0: in one)
#   make test-openstack   on a real Nova, which it installs and starts: twenty minutes; test-openstack-short: twelve and less,
#                    what a fault shows once; test-openstack-long: 200 servers by a bad road, 20 minutes
#   make check       style, types, layers and the quick tests: before each commit
#   make simulate    whole clusters on a virtual clock, all that may befall them, by seeds: SEEDS=1-500
#   make simulate-story   one of them, as it happened: SEED=7
#   make soak        twenty thousand seeds (an hour and more)
#   make questions   random questions to all engines, seeded (COUNT=1000000 SEED=2): a minute for each 100,000
#   make bench       what it costs, beside baselines of the same run: some minutes (ARGS="--quick", "--only rpc quiet")
#   make bench-openstack  how long 40 servers take on a real Nova, beside a bare loop
#   make bench-whole three agents on this host, 1,000 domains for ten minutes, then as many as it goes (ARGS="--minutes 2")
#   make soak-real   half an hour of three agents on real servers under churn and deaths (MINUTES=30)
#   make genconfig   write etc/elastic/elastic.conf.sample anew
#   make venv        only set up
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 3
MINUTES ?= 30
SEEDS ?= 1-500
SEED ?= 1
COUNT ?= 100000

.PHONY: venv demo test test-openstack test-openstack-short test-openstack-long bench-openstack check simulate simulate-story soak questions bench bench-whole genconfig soak-real

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

test-openstack: venv
	@tests/servers/install.sh
	$(BIN)/pytest tests/openstack -m "external and not long" $(ARGS)

test-openstack-short: venv
	@tests/servers/install.sh
	$(BIN)/pytest tests/openstack -m "external and not long and not unhurried" $(ARGS)

test-openstack-long: venv
	@tests/servers/install.sh
	$(BIN)/pytest tests/openstack -m "external and long" -s $(ARGS)

bench-openstack: venv
	@tests/servers/install.sh
	@$(BIN)/python -m bench.openstack $(ARGS)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict tools/mini_openstack --exclude inside/
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/architecture -m "not slow and not functional" $(ARGS)

simulate: venv
	@$(BIN)/python -m tests.simulation $(SEEDS) $(ARGS)

simulate-story: venv
	@$(BIN)/python -m tests.simulation $(SEED) --story $(ARGS)

soak: venv
	@$(BIN)/python -m tests.simulation 1-20000 --all $(ARGS)

questions: venv
	@$(BIN)/python -m tests.questions --count $(COUNT) --seed $(SEED) $(ARGS)

bench: venv
	@tests/servers/install.sh
	@$(BIN)/python -m bench $(ARGS)

bench-whole: venv
	@tests/servers/install.sh
	@$(BIN)/python -m bench.whole $(ARGS)

genconfig: venv
	$(BIN)/oslo-config-generator --config-file etc/elastic/elastic-config-generator.conf

soak-real: venv
	@tests/servers/install.sh
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)
