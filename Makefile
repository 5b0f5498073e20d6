# Everything a person types. `make run` is enough on a bare machine with git, make and Python >= 3.11.
# Settings: PORT=8000 VAR=var VENV=.venv TORCH=cpu PYTHON=python3.12, and every variable of docs/settings.md.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PINS := $(shell cat pyproject.toml constraints.txt | cksum | tr -s ' \t' '-')
RUN_STAMP := $(VENV)/.installed-run-$(PINS)
DEV_STAMP := $(VENV)/.installed-dev-$(PINS)
TORCH_INDEX := https://download.pytorch.org/whl/cpu
BROWSER ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
# the checks read the settings but reach no database and serve nobody
CHECK_ENV = SECRET_KEY=$$(head -c 48 /dev/urandom | base64 | tr -d '\n') HTTPS=true DATABASE_URL=sqlite://:memory: \
	SILENCED_SYSTEM_CHECKS=deepfake_guard.W004

.PHONY: help install run stop reset test check browser journey bench chaos docs screenshots
.DEFAULT_GOAL := help

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(RUN_STAMP) ## .venv with everything that `make run` needs

run: $(RUN_STAMP) ## web, workers, broker and database on this machine, with a demo on the first start
	@exec $(BIN)/python -m deepfake_guard.run

stop: ## end a running `make run`
	@$(BIN)/python -m deepfake_guard.run stop

reset: ## delete what `make run` keeps under VAR (asks first)
	@$(BIN)/python -m deepfake_guard.run reset

test: $(DEV_STAMP) ## the whole suite, on SQLite and an embedded Valkey of its own
	$(BIN)/python -m pytest -n auto -m "not browser and not stranger and not bench"

browser: $(DEV_STAMP) ## the console in headless Chromium
	@[ -n "$(BROWSER)" ] || { echo "missing: Chromium. Install it: sudo apt-get install chromium"; exit 1; }
	$(BIN)/python -m pytest -n auto --maxprocesses 4 -m "browser and not stranger" tests

journey: $(DEV_STAMP) ## `make run`, an upload, a decision in the browser, the webhook, Ctrl-C
	$(BIN)/python -m pytest -m stranger tests/journeys -s

check: $(DEV_STAMP) ## lint, format, types, import contracts, migrations, deployment checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(CHECK_ENV) $(BIN)/mypy deepfake_guard moderation workers tests
	$(BIN)/lint-imports
	$(CHECK_ENV) $(BIN)/python manage.py makemigrations --check --dry-run
	$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: $(DEV_STAMP) ## how fast a face is scored here, beside the published arithmetic; writes docs/benchmarks.md
	OMP_NUM_THREADS=$$($(BIN)/python -c 'import os; print(os.cpu_count())') $(BIN)/python -m pytest -m bench -s

chaos: $(DEV_STAMP) ## kills, a wiped broker, hostile files: each item still ends once
	$(BIN)/python -m pytest -m journey -s

docs: $(DEV_STAMP) ## docs/openapi.yaml from the code; PROMISE=1: callers may rely on all of it from now on
	$(CHECK_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml
	@[ -z "$(PROMISE)" ] || cp docs/openapi.yaml tests/contract/promised.yaml
	@$(BIN)/python -m tests.contract.breaking tests/contract/promised.yaml docs/openapi.yaml

screenshots: $(DEV_STAMP) ## docs/screenshots anew
	@[ -n "$(BROWSER)" ] || { echo "missing: Chromium. Install it: sudo apt-get install chromium"; exit 1; }
	$(BIN)/python -m pytest -q tests/browser/screenshots.py
	PHOTO_SITE_SHOTS=artifacts/screenshots $(BIN)/python -m pytest -q tests/journeys/test_photo_site.py

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "missing: Python >= 3.11. Install it: sudo apt-get install python3 python3-venv (macOS: brew install python@3.11)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "missing: Python's venv. Install it: sudo apt-get install python3-venv"; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# PyTorch alone is several GB with CUDA; TORCH=cpu takes its small wheels where their index can be reached
define pip_install
	@index=; if [ "$(TORCH)" = cpu ]; then \
		if $(BIN)/python -c 'import urllib.request as u; u.urlopen("$(TORCH_INDEX)/torch/", timeout=10)' 2>/dev/null; \
		then index="--extra-index-url $(TORCH_INDEX)"; \
		else echo "TORCH=cpu: $(TORCH_INDEX) cannot be reached; taking the ordinary wheels"; fi; fi; \
	echo "installing $(1) into $(VENV) (the first time takes minutes)"; \
	if ls $(VENV)/.installed-$(2)-* >/dev/null 2>&1; then how=--quiet; else how="--progress-bar on"; fi; \
	$(BIN)/python -m pip install $$how $$index -c constraints.txt -e '.[$(1)]'
	@rm -f $(VENV)/.installed-$(2)-* && touch $@
endef

$(RUN_STAMP): | $(BIN)/python
	$(call pip_install,worker$(comma)run,run)

$(DEV_STAMP): $(RUN_STAMP)
	$(call pip_install,worker$(comma)run$(comma)train$(comma)dev,dev)

comma := ,
