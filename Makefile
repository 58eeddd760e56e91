# What a developer runs. `make demo` and `make test` do all the set-up on a machine with
# Python 3.11 to 3.13, make and pip; everything goes into .venv, nothing else is touched.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo test soak fuzz style types check bench bench-quick clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := $(VENV)/.bench
UNFINISHED := $(VENV)/.unfinished
PIP_VERSION := $(shell sed -n 's/^pip==//p' constraints.txt)

# The first that fits; `make PYTHON=/path/to/python …` chooses another for a new .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	"$$p" -c '$(IS_SUPPORTED)' 2>/dev/null && echo "$$p" && break; done)
IS_SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# Extra arguments: make demo ARGS="--workers 4", make test ARGS="-k names", make bench ARGS=--help.
ARGS ?=

# How long make soak runs, in seconds.
SECONDS ?= 60

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY) ## Create or renew .venv; all others do it when needed

demo: $(READY) ## Run the chat on two interface servers and two workers
	@cd examples/chat && exec ../../$(BIN)/python -m demo $(ARGS)

test: $(READY) ## Run all tests, those with real processes too
	@echo "== tests"
	@$(BIN)/python -m pytest $(ARGS) || { echo "== the tests FAILED: see above"; exit 1; }
	@echo "== all tests passed"

soak: $(READY) ## Simulate meshes: make soak SECONDS=600, SEED=7 RUNS=1
	@PYTHONPATH=tests $(BIN)/python -m simulator --seconds $(SECONDS) \
		$(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

fuzz: $(READY) ## Send a million spoiled frames to a node: make fuzz SEED=7
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(if $(SEED),--seed $(SEED)) $(ARGS)

style: $(READY) ## Check style and formatting
	@echo "== style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## Check types
	@echo "== types"
	@$(BIN)/mypy
	@cd examples/chat && MYPYPATH=../.. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p chat -p demo
	@cd examples/archive && MYPYPATH=../.. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p archive
	@cd examples/board && MYPYPATH=../.. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p board
	@cd examples/rooms && MYPYPATH=../.. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p rooms

check: style types test ## Run style, types and tests

bench: $(BENCH) ## Measure zmqlayer and its peers: make bench ARGS="'group*'"
	@PYTHONPATH=benchmarks $(BIN)/python -m bench $(ARGS)

bench-quick: $(BENCH) ## Look in a minute and a half whether anything became slower than its peers
	@PYTHONPATH=benchmarks $(BIN)/python -m bench --quick $(ARGS)

clean: ## Remove .venv, caches, build output and the example's database
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov
	rm -rf examples/chat/chat.sqlite3* examples/archive/kept
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp says that .venv is complete. A new environment that could not be completed is removed at
# once, or, after a hard kill, on the next run; one that was complete before is left as it is.
$(READY): pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c '$(IS_SUPPORTED)' || { \
		echo "zmqlayer needs Python 3.11, 3.12 or 3.13, and found none of them$(if $(PYTHON), ($(PYTHON) is no such Python))." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@set -e; is_new=; \
	finish() { status=$$?; trap - EXIT; [ $$status = 0 ] && exit 0; \
		[ -z "$$is_new" ] || rm -rf $(VENV); \
		echo "The set-up did not finish$${is_new:+; $(VENV) was removed}. What went wrong stands above." >&2; exit $$status; }; \
	trap finish EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; trap 'exit 129' HUP; \
	[ ! -e $(UNFINISHED) ] || rm -rf $(VENV); \
	if [ ! -x $(BIN)/python ]; then \
		echo "== set-up: creating $(VENV) with $$($(PYTHON) --version)"; \
		is_new=yes; mkdir -p $(VENV); : > $(UNFINISHED); \
		if "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then "$(PYTHON)" -m venv $(VENV); \
		else "$(PYTHON)" -m venv --without-pip $(VENV); \
			"$(PYTHON)" -m pip --python $(BIN)/python install -qq --no-input pip==$(PIP_VERSION); fi; \
	fi; \
	echo "== set-up: installing zmqlayer and the pinned packages; the first time takes a minute or two"; \
	$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check pip==$(PIP_VERSION); \
	$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check \
		-c constraints.txt --build-constraint constraints.txt -e '.[all]' --group dev; \
	rm -f $(UNFINISHED); touch $(READY); \
	echo "== set-up: done"

# What only benchmarks need. Servers that are no Python packages are left to the machine: see benchmarks/README.md.
$(BENCH): $(READY)
	@echo "== set-up: installing what benchmarks compare with"
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check -c constraints.txt --group bench
	@touch $(BENCH)
