# usableapps.omni_matchbox: what developers and visitors run. `make` lists the verbs.
SHELL := /bin/bash
.DEFAULT_GOAL := help

export PATH := $(CURDIR)/build/venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/tests
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
export ANSIBLE_HOME := $(CURDIR)/build/ansible
# What the machine sets for other programs must not decide which certificates ours accept.
unexport REQUESTS_CA_BUNDLE CURL_CA_BUNDLE

# As many test processes as there are processors; a test file stays in one of them.
PYTEST := python -m pytest -n auto --dist loadfile

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## All that tests and demo need: distribution packages (as root), build/venv, build/collections
	@tests/tools/setup.sh

check: ## The inner loop: lint, the quick unit tests and self-checks, at the same time; about a minute
	@$(MAKE) --no-print-directory -j2 lint unit QUICK=--quick

lint: setup
	@ruff check --quiet . && ruff format --quiet --check .
	@yamllint --strict .
	@ansible-lint -q --nocolor
	@antsibull-changelog lint

unit: setup ## All unit tests and self-checks (check leaves out those that take seconds)
	@$(PYTEST) $(QUICK) tests/unit tests/meta

test: lint unit sanity molecule lab compat ## Everything that a change needs, at most 20 minutes on a fresh machine

test-all: PYTEST += --all
test-all: test ## The same with the long tests

sanity: setup ## ansible-test sanity, without an ignore file
	@tests/tools/sanity.sh

molecule: setup ## The molecule scenarios, on hosts of the lab
	@$(PYTEST) -p pytest_ansible.plugin --ansible-unit-inject-only tests/molecule

lab: setup ## Playbooks against boot hosts, and machines that boot from them
	@$(PYTEST) tests/lab_tests

compat: setup ## Unit tests and a converge with the oldest and the newest ansible-core
	@tests/tools/compat.sh

demo: setup ## The main job on this machine, with what happens shown (KEEP=1 leaves it standing)
	@python -m lab.demo $(if $(KEEP),--keep)

bench: setup ## Measures, one row per figure, into build/bench.json
	@python -m bench

engine: setup ## The embedded boot engine on a data directory: DATA=dir ASSETS=dir PORT=8080 (STRICT=1: upstream's way)
	@exec python -m support.engine --data "$(or $(DATA),$(error no DATA: make engine DATA=/var/lib/matchbox))" --assets "$(ASSETS)" --port $(or $(PORT),8080) $(if $(STRICT),--strict)

lab-up: setup ## A lab that stays: HOSTS="boot1=10.77.0.11", SUITE=bookworm
	@python -m lab up --suite $(or $(SUITE),bookworm) $(foreach host,$(or $(HOSTS),boot1=10.77.0.11),--host $(host))

lab-boot: setup ## Boots a machine in that lab: NAME=m1 FIRMWARE=bios
	@python -m lab boot $(or $(NAME),m1) --firmware $(or $(FIRMWARE),bios)

lab-down: setup ## Removes that lab
	@python -m lab down

build: setup ## The collection as an archive, in build/
	@ansible-galaxy collection build --force --output-path build

docs: setup ## The reference documentation of modules and roles, in build/docs
	@tests/tools/docs.sh

.PHONY: help setup check lint unit test test-all sanity molecule lab compat demo bench engine lab-up lab-boot lab-down build docs
