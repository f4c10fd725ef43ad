# Everything lives in .venv (packages) and .ordinis (runs, models, registry); both are ignored by git.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
STATE  := $(CURDIR)/.ordinis
BIN    := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export MLFLOW_TRACKING_URI ?= sqlite:///$(STATE)/mlflow.db
# Promotions are decided by gates, in this process as behind a server.
export MLFLOW_REGISTRY_URI ?= $(if $(filter http%,$(MLFLOW_TRACKING_URI)),,ordinis+)$(MLFLOW_TRACKING_URI)
export MLFLOW_EXPERIMENT_NAME ?= ordinis
export ORDINIS_STORE ?= $(STATE)/store
# One process a model is enough on a desk; the job runners of MLflow's server are not used here.
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION ?= false
# What a library measures about its users is its own business, and needs a network.
export MLFLOW_DISABLE_TELEMETRY ?= true
export DO_NOT_TRACK ?= 1
# A bar for every file that a run reads back hides the one that tells how far a training is.
export MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR ?= false

.DEFAULT_GOAL := help
.PHONY: help setup demo test ui server serve tune replay bench docs clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /make \1\t/' | expand -t 14

setup: .venv/installed  ## create .venv with pinned packages

.venv/installed: requirements/train.txt requirements/dev.txt requirements/cpu.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed, this is " + sys.version)'
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/train.txt -r requirements/cpu.txt -r requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# A tracking server chooses where its artifacts go; the embedded store is told.
EMBEDDED := sqlite:///$(STATE)/mlflow.db
ARTIFACTS = $(if $(filter $(EMBEDDED),$(MLFLOW_TRACKING_URI)),-l $(STATE)/artifacts)

$(STATE)/env: Makefile | .venv/installed
	mkdir -p $(STATE)
	mlflow experiments get -n $(MLFLOW_EXPERIMENT_NAME) >/dev/null 2>&1 \
		|| mlflow experiments create -n $(MLFLOW_EXPERIMENT_NAME) $(ARTIFACTS)
	printf 'export %s="%s"\n' PATH '$(BIN):$$PATH' MLFLOW_TRACKING_URI '$(MLFLOW_TRACKING_URI)' \
		MLFLOW_REGISTRY_URI '$(MLFLOW_REGISTRY_URI)' MLFLOW_EXPERIMENT_NAME '$(MLFLOW_EXPERIMENT_NAME)' \
		ORDINIS_STORE '$(ORDINIS_STORE)' > $@

demo: $(STATE)/env  ## train on the S&P 500, promote through the gates, serve, ask for a signal; then live through 2008
	mlflow run . --env-manager local
	mlflow run . -e crisis --env-manager local

test: .venv/installed  ## tests, ruff and mypy
	ruff check .
	ruff format --check .
	mypy
	OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadfile

ui: server  ## the MLflow UI on http://127.0.0.1:5000: the server's own, gates and all

# Elsewhere: make server BACKEND=postgresql://... ARTIFACT_STORE=s3://bucket/folder
# With users: make server APP=ordinis-basic-auth, and MLFLOW_AUTH_ADMIN_PASSWORD and
# MLFLOW_FLASK_SERVER_SECRET_KEY in the environment; a password on a command line can be read by all.
APP ?= ordinis
BACKEND ?= $(EMBEDDED)
REGISTRY ?= ordinis+$(BACKEND)
ARTIFACT_STORE ?= $(STATE)/artifacts
PORT ?= 5000

server: .venv/installed  ## tracking server with gates, ledger and artifact guard on http://127.0.0.1:5000
	mkdir -p $(STATE)
	cd $(STATE) && MLFLOW_TRACKING_URI='$(BACKEND)' mlflow server --app-name $(APP) \
		--backend-store-uri '$(BACKEND)' --registry-store-uri '$(REGISTRY)' \
		--artifacts-destination '$(ARTIFACT_STORE)' --host 127.0.0.1 --port $(PORT) --workers 1

serve: $(STATE)/env  ## serve models:/sp500@champion on http://127.0.0.1:5001
	python -m flows.serve --model models:/sp500@champion

tune: $(STATE)/env  ## ten trials of the network's settings on the S&P 500, the best one judged: two minutes
	mlflow run . -e tune --env-manager local -P trials=10 -P trial_epochs=8 -P epochs=15

# Shortened: five of the sixteen years, a smaller network, one of the two indices.
replay: $(STATE)/env  ## the retraining policy through 2006-2010, beside other strategies: about three minutes
	mlflow run . -e replay --env-manager local -P begin=2006-01-01T00:00:00Z -P end=2010-12-31T00:00:00Z \
		-P hidden_dim=32 -P num_layers=1 -P sequence_length=30 -P epochs=10 -P samples=500

bench: .venv/installed  ## the benchmarks' tables
	python -m bench.graph
	python -m bench.train
	python -m bench.serve
	python -m bench.store
	python -m bench.evaluate
	python -m bench.registry
	python -m bench.tune
	python -m bench.tune_serving
	python -m bench.drift

docs: .venv/installed  ## docs/features.md and docs/metrics.md from their definitions
	python -m ordinis_mlflow.features.table > docs/features.md
	python -m ordinis_mlflow.telemetry.table > docs/metrics.md

clean:  ## remove .venv, .ordinis and caches: runs and models are lost
	rm -rf .venv .ordinis build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
