# One command each. Everything is made inside this folder (.venv, web/static) and the user's cache; nothing needs root.

BIN := .venv/bin
DONE := .venv/done
# the certificates that this machine trusts count (a proxy may have one of its own)
NPM := NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(BIN):$$PATH" npm
CONSOLE := $(shell find web/console -name node_modules -prune -o -type f -print)
# a variable of the caller's shell must not lead the build to other libraries
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: help setup programs console run test week check bench
.DELETE_ON_ERROR:

help:
	@echo "make setup    prepare everything: libraries, TimescaleDB and Mosquitto, the console; starts nothing"
	@echo "make run      the whole system on this machine, with the invented sample sites; Ctrl-C ends it"
	@echo "make test     every test, against a real TimescaleDB, Mosquitto and Chromium"
	@echo "make week     a simulated week of the sample site, twice: the same incidents, byte for byte (some minutes)"
	@echo "make check    lint, format, types, the compose file, the console"
	@echo "make bench    measure it beside a hand-written floor; writes docs/performance.md"
	@echo "make console  the console's development server, beside a running system (make run)"

setup: $(DONE)/project $(DONE)/console programs

run: setup
	@exec $(BIN)/skynet up --simulate

test: setup
	@$(BIN)/python -m skynet.local.fetch browser
	$(BIN)/python -m pytest $(PYTEST)
	cd web/console && $(NPM) run test --silent

week: setup
	$(BIN)/python -m pytest -m week -s tests/test_alerts_replay.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	cd web/console && $(NPM) run check

bench: setup
	$(BIN)/python -m bench

console: setup
	cd web/console && $(NPM) run dev

programs: $(DONE)/project
	@$(BIN)/python -m skynet.local.fetch servers

$(DONE)/venv:
	@.ci/venv .venv
	@mkdir -p $(DONE) && touch $@

$(DONE)/libraries: requirements-dev.lock $(DONE)/venv
	@echo "installing the Python libraries (a minute or two the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes --quiet -r $<
	@touch $@

$(DONE)/project: pyproject.toml $(DONE)/libraries
	@echo "installing the command .venv/bin/skynet"
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(DONE)/console-libraries: web/console/package-lock.json $(DONE)/libraries
	@echo "installing the console's libraries"
	@cd web/console && $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(DONE)/console: $(DONE)/console-libraries $(CONSOLE)
	@echo "building the console"
	@cd web/console && $(NPM) run build --silent
	@touch $@
