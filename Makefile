# Two commands do all set-up: `make demo` and `make test`. What the first made, the second reuses.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
CLIENTS := $(VENV)/.clients

# The demo keeps to a folder of its own, so that no simulated customer meets a real one.
DEMO ?= .regulars/demo
CUSTOMERS ?= 2000

# Minutes each, and alone on the machine: the figures are of what runs beside them, too.
BENCH ?= features ingest serving

.DEFAULT_GOAL := help
.PHONY: help demo test check format serve bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "regulars needs Python 3.11 or newer; say which: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (about a minute, once)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN) -c 'import lightgbm' 2>/dev/null \
		|| { echo "LightGBM does not load: install libgomp (Debian and Ubuntu: apt-get install libgomp1)"; exit 1; }
	@touch $@

demo: $(DEMO)/loaded ## Simulate a shop, import, train, promote, and serve it
	@REGULARS_DATA=$(DEMO) $(RUN) -m serving tour --customer c1

# Each step of the demo makes a file, and is left out where the file is there already.
$(DEMO)/shop: | $(READY)
	@$(RUN) -m training simulate --customers $(CUSTOMERS) --products 400 --end $$(date -u +%F) $@

$(DEMO)/log/manifest.json: | $(DEMO)/shop
	@REGULARS_DATA=$(DEMO) $(RUN) -m training import $(DEMO)/shop

$(DEMO)/bundles/champion.json: | $(DEMO)/log/manifest.json
	@REGULARS_DATA=$(DEMO) $(RUN) -m training train
	@REGULARS_DATA=$(DEMO) $(RUN) -m training promote

$(DEMO)/loaded: | $(DEMO)/bundles/champion.json
	@REGULARS_DATA=$(DEMO) $(RUN) -m serving load
	@touch $@

serve: $(READY) ## Serve the champion from .regulars on http://127.0.0.1:8000
	@$(RUN) -m serving

# Segment's older Python client, apart from the current one, and the JavaScript clients. Where they
# cannot be installed, the tests that need them say so; the next `make test` tries again.
$(CLIENTS): tests/clients/requirements.txt tests/clients/package-lock.json | $(READY)
	@echo "Installing Segment's clients for the tests"
	@rm -rf $(VENV)/clients
	@if $(RUN) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
			--require-hashes --no-deps --target $(VENV)/clients -r $< \
		&& npm ci --prefix tests/clients --silent --ignore-scripts; \
		then touch $@; else echo "Not all could be installed; tests that need them are skipped"; fi

test: $(READY) $(CLIENTS) ## Run the tests
	@$(RUN) -m pytest -n 2 --dist loadscope

check: $(READY) ## Lint, check formatting and types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

format: $(READY) ## Format the code
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

bench: $(READY) ## Run the benchmarks, or some: make bench BENCH="ingest serving"
	@for name in $(BENCH); do \
		$(RUN) -m tests.benchmarks $$name --json .regulars/bench/$$name.json || exit 1; \
	done

lock: ## Resolve the dependencies again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --all-extras --upgrade pyproject.toml -o requirements.lock

clean: ## Remove the demo's data, the virtual environment and caches; a shop's own data stay
	rm -rf $(DEMO) $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
