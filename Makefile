# usableapps.omni_matchbox: what developers and visitors run. `make` lists the verbs.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := build/venv/bin
export PATH := $(CURDIR)/build/venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
export ANSIBLE_HOME := $(CURDIR)/build/ansible
# What the machine sets for other programs must not decide which certificates ours accept.
unexport REQUESTS_CA_BUNDLE CURL_CA_BUNDLE

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Everything that tests and demo need: distribution packages (as root), build/venv, build/collections
	@tests/tools/setup.sh

.PHONY: check
check: lint unit ## The inner loop: lint, unit and self-checks, under a minute

.PHONY: lint
lint: setup ## ruff, yamllint, ansible-lint (profile production), changelog
	@ruff check --quiet . && ruff format --quiet --check .
	@yamllint --strict .
	@ansible-lint --quiet
	@antsibull-changelog lint

.PHONY: unit
unit: setup ## Unit tests and self-checks of the project
	@python -m pytest tests/unit tests/meta
