# Needs only make and Python 3.11, 3.12 or 3.13 (PYTHON=... to name one). Everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
CIS := $(VENV)/bin/cis

.PHONY: demo test test-browser test-server test-azure lint benchmark benchmark-lake benchmark-ingest ui dashboard clean

# The whole platform on generated orders, or with INSTACART=FOLDER on the public Instacart files.
demo: $(VENV)/.runtime
ifdef INSTACART
	CIS_LAKE_URI=.cis/instacart/lake CIS_LANDING_URI=.cis/instacart/landing DAGSTER_HOME=.cis/instacart/dagster \
		$(CIS) demo --instacart "$(INSTACART)"
else
	$(CIS) demo
endif

# All tests that need nothing but packages from pip.
test: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n auto -m "not browser and not server and not azure and not spark and not jvm"

# Tests in a real browser (needs chromium), and against a running Dagster with others that take long.
test-browser: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -m browser

test-server: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -m server

# Against Azurite; AZURITE names the folder that `npm install azurite@3.37.0` was run in.
test-azure: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -m "azure and not spark"

.PHONY: test-spark test-spark-jvm
# The Spark engine against pysail (also on Azurite, if AZURITE is set), and what it relies on against Apache Spark itself (needs Java 17 or 21).
test-spark: $(VENV)/.spark
	$(VENV)/bin/python -m pytest -m "spark$(if $(AZURITE),, and not azure)"

test-spark-jvm: $(VENV)/.spark
	$(VENV)/bin/python -m pytest -m jvm

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python docs/reference.py --check

# The platform beside DuckDB and pandas; FULL=1 for the size of the public Instacart release over two years.
benchmark: $(VENV)/.benchmark
	$(if $(findstring pyspark,$(OPTIONS)),$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[spark]')
	$(VENV)/bin/python -m benchmarks.platform $(if $(FULL),--full) $(OPTIONS)

# The IO manager beside dagster-deltalake-polars' and plain write_deltalake: time, memory, and what is read back.
benchmark-lake: $(VENV)/.runtime
	$(VENV)/bin/python -m benchmarks.lake

# Landed files to bronze and silver beside scripts of polars and delta-rs.
benchmark-ingest: $(VENV)/.runtime
	$(VENV)/bin/python -m benchmarks.ingest

ui: $(VENV)/.runtime
	$(CIS) ui

dashboard: $(VENV)/.runtime
	$(CIS) dashboard

clean:
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

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dashboard,dev]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.spark: $(VENV)/.dev
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[spark-dev]'
	@touch $@
