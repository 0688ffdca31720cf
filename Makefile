# Everything that is done to this project, by name. Needs make and a Python of 3.11 or later, nothing else.
# PYTHON=python3.13 make run     takes another Python.
# LISTEN=tcp:8080 make run       listens elsewhere.

PYTHON ?= python3
LISTEN ?= tcp:8000:interface=127.0.0.1
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/pip --disable-pip-version-check install --quiet --require-hashes
BENCH_VENV := .venv-bench
VENDOR := rooms/static/rooms/js/vendor
MARKED := 18.2.1
BENCH_PEERS := benchmarks/peers/node_modules
# BENCH='--quick' make bench     passes options on: see python -m benchmarks --help.
BENCH ?= --write
# What a type check imports the settings with: it needs no data of a site.
NO_SITE := CHAT_DATA_DIR=.mypy_cache/site SECRET_KEY=of-a-type-check DATABASE_URL=

.DEFAULT_GOAL := help
.PHONY: help run test test-browser test-sqlite test-postgresql faults bench screenshots icons lint types format lock vendor clean

help: ## Show what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

run: $(VENV)/base.stamp ## Install what is needed, migrate, and serve the chat on http://127.0.0.1:8000
	$(BIN)/python manage.py migrate --verbosity 0
	exec $(BIN)/python manage.py runchat --listen '$(LISTEN)'

test: test-postgresql test-browser test-sqlite ## Run all tests; with make -j3 these three at a time

test-browser: $(VENV)/dev.stamp ## Run the tests in a browser
	$(BIN)/python -m pytest -m browser -p no:cacheprovider

test-sqlite: $(VENV)/dev.stamp ## Run all other tests but PostgreSQL's, on SQLite
	$(BIN)/python -m pytest -m 'not browser'

test-postgresql: $(VENV)/dev.stamp ## Run the tests of the database on PostgreSQL
	$(BIN)/python -m pytest --database=postgresql -p no:cacheprovider

faults: $(VENV)/dev.stamp ## Prove at length what holds under faults: FAULTS='--only kill --write' chooses
	$(BIN)/python -m tests.faults $(FAULTS)

lint: $(VENV)/dev.stamp ## Check style and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo --cache-dir .mypy_cache/layers

types: $(VENV)/dev.stamp ## Check types
	$(NO_SITE) $(BIN)/mypy

format: $(VENV)/dev.stamp ## Write the code in the one format, and repair what can be
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

messages: $(VENV)/dev.stamp ## Bring the catalogs of translations up to date, and compile them
	$(NO_SITE) DJANGO_SETTINGS_MODULE=project.settings $(BIN)/python -m tests.translations

screenshots: $(VENV)/dev.stamp ## Take the pictures in docs/images
	$(BIN)/python -m tests.browser.screenshots

icons: $(VENV)/dev.stamp ## Draw the icons that phones install from icon.svg
	$(BIN)/python -m tests.browser.icons

bench: $(VENV)/base.stamp $(BENCH_VENV)/stamp $(BENCH_PEERS)/.stamp ## Measure against peers, an hour long, into docs/performance.md (needs PostgreSQL, Redis, Node, a C compiler)
	$(BIN)/python -m benchmarks $(BENCH)

lock: $(VENV)/dev.stamp ## Choose the newest versions that requirements/*.in allow
	for name in base sqlite dev bench; do \
	  $(BIN)/uv pip compile --quiet --no-config --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --custom-compile-command "make lock" \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

vendor: ## Fetch the versions of what others wrote for browsers, named above, again (needs npm)
	cd $(VENDOR) && npm pack --silent --ignore-scripts marked@$(MARKED) && tar xzf marked-$(MARKED).tgz --strip-components=2 package/lib/marked.esm.js \
	  && tar xzOf marked-$(MARKED).tgz package/LICENSE > marked-LICENSE.md; rm -f marked-$(MARKED).tgz
	cd $(VENDOR) && sed -i '/^\/\/# sourceMappingURL=/d' marked.esm.js && sha256sum marked.esm.js

clean: ## Remove the virtual environment and all caches; var/, the site's data, stays
	rm -rf $(VENV) $(BENCH_VENV) $(BENCH_PEERS) benchmarks/load .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: PYTHON=... make")'
	$(PYTHON) -m venv $(VENV)

# pysqlite3 is installed apart: it has no wheel for some platforms, and the standard library's SQLite does too.
$(VENV)/base.stamp: requirements/base.txt requirements/sqlite.txt | $(BIN)/pip
	$(PIP_INSTALL) -r requirements/base.txt
	$(PIP_INSTALL) --only-binary :all: -r requirements/sqlite.txt \
	  || echo "No pysqlite3 for this platform: the SQLite of Python itself is used."
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/base.stamp
	$(PIP_INSTALL) -r requirements/dev.txt
	touch $@

$(BENCH_VENV)/stamp: requirements/bench.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip --disable-pip-version-check install --quiet --require-hashes -r requirements/bench.txt
	touch $@

# No script of a package runs but Bun's, which puts its binary, a package too, in its place.
$(BENCH_PEERS)/.stamp: benchmarks/peers/package.json
	cd benchmarks/peers && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel error
	cd $(BENCH_PEERS)/bun && node install.js
	touch $@
