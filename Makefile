# A virtual environment of its own, made anew whenever pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

unexport PYTHONDONTWRITEBYTECODE # hundreds of processes would each compile everything anew

.DEFAULT_GOAL := help
.PHONY: help run shots test lint mutants mutants-parts false-alarms examples examples-check dist docs names pythons clients bench bench-growth bench-kept realism farm kill soak bench-connections hostile

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@$(INSTALL) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]' || $(INSTALL) --editable '.[dev]'
	@$(BIN)/python -m compileall -q mockserver contract_tests
	@$(BIN)/python -c 'import mockserver.testing' # what a server needs is compiled, too
	@touch $@

run: $(READY) ## set up and start the fake Trophy on http://127.0.0.1:8080 (ARGS='--seed 2 --users 10')
	@$(BIN)/mockserver serve $(ARGS)

LINT := $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

lint: $(READY) ## ruff, mypy --strict and the import rules
	$(LINT)

test: $(READY) ## set up, lint, check types and run every test
	@($(LINT)) > $(VENV)/lint.log 2>&1 & lint=$$!; \
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS); tests=$$?; \
	wait $$lint; lint=$$?; cat $(VENV)/lint.log; exit $$((tests | lint))

examples: $(READY) ## write fixtures/examples/ anew
	rm -rf fixtures/examples
	$(BIN)/mockserver example --all --seed 1 --out fixtures/examples

examples-check: $(READY) ## examples of 200 seeds and all three catalogs against the document
	EXAMPLE_SEEDS=200 $(BIN)/python -m pytest tests/test_examples.py -n 2 -q -k is_there_and_valid

dist: $(READY) ## a wheel and a source distribution, in dist/
	$(BIN)/python -m build --quiet --outdir dist .

pythons: $(READY) ## the wheel in an empty directory with each Python 3.11 and newer that is there
	@for python in python3.11 python3.12 python3.13 python3.14; do \
	  command -v $$python > /dev/null || continue; $$python --version || continue; \
	  STRANGERS_PYTHON=$$python $(BIN)/python -m pytest -q -p no:cacheprovider tests/test_wheel.py -k stranger || exit; \
	done

names: $(READY) ## draw the names of seeded users anew, with Faker
	PYTHONPATH=tests $(BIN)/python tests/draw_names.py

docs: $(READY) ## write docs/commands.md and the tables of docs/control.md anew
	$(BIN)/python tests/commands_page.py
	$(BIN)/python tests/control_page.py

clients: $(READY) ## every version of the official clients through all its methods (ARGS='1.27.0'; installs each once)
	@$(BIN)/python -m tests.clients.run $(ARGS)

shots: $(READY) ## pictures of the page's views, at two widths, light and dark, into shots/; two of them for the README
	$(BIN)/python tests/shots.py

mutants: $(READY) ## prove that the contract suite bites: planted faults, one at a time (ARGS='--sample 100 --seed 2', --all for a night)
	$(BIN)/python -m tests.mutants.run $(ARGS)

mutants-parts: $(READY) ## which part of the contract suite alone catches what (about an hour)
	$(BIN)/python -m tests.mutants.run --parts $(ARGS)

false-alarms: $(READY) ## prove that the contract suite raises no false alarms: a second implementation, a proxy, odd and 50 random catalogs (ARGS='--drawn 5')
	$(BIN)/python -m tests.false_alarms.run $(ARGS)

bench: $(READY) ## beside bare Starlette and Prism: requests per second, starts, memory (installs wrk and Prism if it may)
	@$(BIN)/python -m compileall -q mockserver
	$(BIN)/python -m benchmarks compare $(ARGS)

.PHONY: bench-waits
bench-waits: $(READY) ## what users wait for: webhooks, resets, worlds, snapshots, a server in a test (about 2 minutes)
	@$(BIN)/python -m compileall -q mockserver
	$(BIN)/python -m benchmarks waits $(ARGS)

bench-growth: $(READY) ## what a call costs in ever larger worlds, what users and events weigh (about 20 minutes)
	$(BIN)/python -m benchmarks growth $(ARGS)

realism: $(READY) ## how seeded users behave: streaks, hours, weekdays, points; draws docs/realism.svg
	$(BIN)/python -m benchmarks realism $(ARGS)

bench-kept: $(READY) ## what --keep costs: an event, and the next start of a world of 100,000 (about 8 minutes)
	$(BIN)/python -m benchmarks kept $(ARGS)

farm: $(READY) ## three servers share worlds; each, and each of NATS, is killed under load (installs HAProxy if it may)
	$(BIN)/python -m benchmarks farm $(ARGS)

kill: $(READY) ## a server under load is killed 20 times, and told to end 20 times: no accepted event is lost (2 minutes)
	KILL_ROUNDS=20 $(BIN)/python -m pytest -q tests/test_keep.py -k no_accepted_event_is_lost

soak: $(READY) ## ten minutes at full speed, with bad receivers of webhooks, then every total is checked (ARGS='--minutes 1')
	$(BIN)/python -m benchmarks soak $(ARGS)

bench-connections: $(READY) ## how connections are accepted, beside uvloop's listener: requests per second, and how long clients wait (2 minutes)
	$(BIN)/python -m benchmarks connections $(ARGS)

hostile: $(READY) ## 100,000 requests that mean harm: no 5xx, no undeclared status, no state changed by a refusal (ARGS='5000 2': so many, seed)
	$(BIN)/python -m benchmarks.hostile $(ARGS)
