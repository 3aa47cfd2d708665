# Everything runs from .venv, made from the hash-pinned requirements.lock. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
KILLS  ?= 500

# The peers of the benchmark, as published and pinned, each kind in an environment of its own.
PEERS        := bench/speed/peers
PYTHON_PEERS := .venv-bench/.installed
NODE_PEERS   := $(PEERS)/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test chaos model coverage check format docs real evaluate evaluate-matching learning beside observing handover soak limits bench bench-full lock lock-bench clean man venv dist web-bench screenshots

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 26

demo: $(STAMP)   ## a private Postgres, a sample shop and a real daemon at work; ends by itself
	@$(BIN)/catalogd demo

venv: $(STAMP)   ## the virtual environment that all of these use, from requirements.lock
	@echo "$(VENV) is there, from requirements.lock; its programs are in $(BIN)"

test: $(STAMP)   ## the whole suite, against every Postgres server found
	@$(BIN)/pytest -n 3 --dist worksteal $(ARGS)  # many tests wait: a third keeps two cores at work

chaos: $(STAMP)  ## every fault in every form, on every Postgres server found; takes long: make chaos [KILLS=500] [ARGS=...]
	@CATALOGD_CHAOS_KILLS=$(KILLS) $(BIN)/pytest -m "" -o faulthandler_timeout=1200 tests/chaos $(ARGS)

coverage: $(STAMP) ## the whole suite, then the share of lines and branches that ran, and those that did not
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2 --dist worksteal $(ARGS); failed=$$?; \
	    $(BIN)/coverage combine --quiet && $(BIN)/coverage report; exit $$failed

model: $(STAMP)  ## the queue against its model, thousands of times over; its statements at a million slices
	@CATALOGD_LONG=1 $(BIN)/pytest -n 2 -rP -o faulthandler_timeout=1200 $(ARGS) tests/engine/test_queue_model.py tests/engine/test_query_plans.py

check: $(STAMP)  ## lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## put the code into its usual form
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

docs: $(STAMP)   ## write the pages of reference anew: settings, schema, pictures
	@$(BIN)/python -m docs.generate

real: $(STAMP)   ## figures on a real catalogue: make real CATALOGUE=path.csv.gz
	@$(BIN)/python -m bench.real "$(CATALOGUE)"

evaluate: $(STAMP) ## how good the predictions are, with pictures: make evaluate CATALOGUE=path.csv.gz [PLOTS=dir]
	@$(BIN)/python -m bench.evaluate "$(CATALOGUE)" --plots "$(or $(PLOTS),build)" $(ARGS)

evaluate-matching: $(STAMP) ## how well price lists are read and matched, and how fast: make evaluate-matching DATA=dir [CATALOGUE=path.csv.gz]
	@$(BIN)/python -m bench.price_lists.evaluate "$(DATA)" $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(ARGS)

man: $(STAMP)    ## man/catalogd.1, from the command line and the settings
	@$(BIN)/python -m daemon.manual man/catalogd.1

soak: $(STAMP)   ## mixed load on two instances for a while; is memory flat? make soak MINUTES=10
	@$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),10)

limits: $(STAMP) ## huge batches, many batches, many inserts a second: what it costs
	@$(BIN)/python -m bench.limits $(ARGS)

learning: $(STAMP) ## what learning costs the batches under way: make learning [CATALOGUE=path.csv.gz]
	@$(BIN)/python -m bench.learning $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(ARGS)

beside: $(STAMP) ## what waiting for slow suppliers costs the batches under way: make beside [ARGS="--rounds 5"]
	@$(BIN)/python -m bench.price_lists.beside $(ARGS)

observing: $(STAMP) ## what it costs that the daemon can be watched: make observing [ARGS="--rounds 7"]
	@$(BIN)/python -m bench.observing $(ARGS)

web-bench: $(STAMP) ## how long the server works on each page, with 10,000 batches and a million predictions
	@$(BIN)/python -m bench.web $(ARGS)

screenshots: $(STAMP) ## pictures of the page for docs/images, from the running program; needs Chromium
	@$(BIN)/python -m bench.pictures $(ARGS)

handover: $(STAMP) ## figures of kills and rolling restarts: make handover [ARGS="--rounds 20"]
	@$(BIN)/python -m bench.handover $(ARGS)

bench: $(STAMP) $(PYTHON_PEERS) $(NODE_PEERS) ## as fast as it should be? beside limits and other queues, fetched from PyPI and npm; ten minutes: make bench [CATALOGUE=...]
	@$(BIN)/python -m bench.speed $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(ARGS)

bench-full: $(STAMP) $(PYTHON_PEERS) $(NODE_PEERS) ## the same in full size, for more than an hour; writes docs/performance.md
	@$(BIN)/python -m bench.speed --full --document docs $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(ARGS)

dist: $(STAMP)   ## the sdist, and from it the wheel, in dist/
	@rm -rf dist build/sdist && mkdir -p dist build/sdist
	@$(BIN)/python -c 'import setuptools.build_meta as b; b.build_sdist("dist")' > build/dist.log 2>&1 || { cat build/dist.log; exit 1; }
	@tar -xzf dist/catalogd-*.tar.gz -C build/sdist --strip-components 1
	@cd build/sdist && $(CURDIR)/$(BIN)/python -c 'import setuptools.build_meta as b; b.build_wheel("$(CURDIR)/dist")' >> ../dist.log 2>&1 || { cat ../dist.log; exit 1; }
	@ls dist

lock:            ## resolve requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' --quiet --upgrade --output-file requirements.lock pyproject.toml

lock-bench:      ## resolve anew what the benchmark's peers need (needs uv and npm)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock-bench' --quiet --upgrade --output-file $(PEERS)/requirements.lock $(PEERS)/requirements.in
	cd $(PEERS) && npm install --package-lock-only --omit-lockfile-registry-resolved=true --no-audit --no-fund

clean:           ## remove the virtual environment and what tools left behind
	rm -rf $(VENV) .venv-bench $(PEERS)/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage* .hypothesis .import_linter_cache

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "catalogd needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	    || { echo "this Python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "making $(VENV) from requirements.lock, a minute or two, once ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# A peer that cannot be installed is absent from the benchmark, which tells the reason from the log.
$(PYTHON_PEERS): $(PEERS)/requirements.lock
	@mkdir -p build
	@echo "making .venv-bench from $(PEERS)/requirements.lock ..."
	@{ $(PYTHON) -m venv --clear .venv-bench \
	    && .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $< \
	    && touch $@; } > build/peers-python.log 2>&1 || echo "the Python peers could not be installed: see build/peers-python.log"

$(NODE_PEERS): $(PEERS)/package-lock.json
	@mkdir -p build
	@echo "making $(PEERS)/node_modules from package-lock.json ..."
	@{ cd $(PEERS) && npm ci --no-audit --no-fund && touch node_modules/.installed; } > build/peers-node.log 2>&1 \
	    || echo "the node peers could not be installed: see build/peers-node.log"
