# Every verb of this repository. Each sets up .venv by itself the first time, and again when pyproject.toml
# or the lock changes.
#
#   make serve ARGS="--port 0"     make test ARGS="-k ledger -x"     make serve PYTHON=/opt/python3.12/bin/python3

.DEFAULT_GOAL := help
.PHONY: help serve test coverage modes e2e check fmt docs bench conformance explored pictures corpus torture attack scoreboard newest lowest beside elsewhere lock audit types build clean \
	base dev

ARGS ?=
PYTHON ?=
BIN := .venv/bin
# Whole runs of the suite leave their figures for `make scoreboard`.
figures = $(if $(ARGS),,--junitxml=build/$(1).xml)

help: ## list the verbs
	@sed -n 's/^\([a-z0-9]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

serve: base ## serve on http://127.0.0.1:2160 until Ctrl-C
	@exec $(BIN)/fauxscale serve $(ARGS)

test: dev ## run the suite
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal $(call figures,suite) $(ARGS)

# Coverage wraps pytest, not the other way round: pytest loads the plugin's entry point before any option
# could start the measurement. The store on Redis, the workers and `fauxscale-contracts check` are run by tests that
# start programs alone. A part of the tests, chosen with ARGS, is not held to the gate.
measured := $(addprefix tests/mockserver/,cli control state transport test_shared_state.py) tests/contracts/check
coverage: dev ## run the suite and some of `e2e`, hold them to the branch coverage gate: twice as long
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2 --dist worksteal $(ARGS)
	@$(if $(ARGS),:,$(BIN)/coverage run -m pytest -n 2 --dist worksteal -m "e2e and not torture" $(measured))
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report $(if $(ARGS),--fail-under 0)

modes: dev ## the tests of the server in every mode: over a socket, without one, with TLS, with a store on Redis, with one in a folder
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal --every-mode tests/mockserver $(ARGS)

e2e: dev ## the tests that start programs: browsers, Node.js, whole pytest runs, installed packages
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal -m "e2e and not torture" $(ARGS)

check: dev ## formatter, lint, both type checkers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright

# What a system or a Python lacks that another has, the checkers know: no machine with either is needed.
elsewhere: dev ## both type checkers for Windows, macOS and newer Pythons
	$(BIN)/mypy --platform win32 --python-version 3.14 mockserver contracts plugin
	$(BIN)/pyright --pythonplatform Windows --pythonversion 3.14 mockserver contracts plugin
	$(BIN)/mypy --platform darwin --python-version 3.13 mockserver contracts plugin
	$(BIN)/pyright --pythonplatform Darwin --pythonversion 3.13 mockserver contracts plugin
	$(BIN)/mypy --python-version 3.12 mockserver contracts plugin
	$(BIN)/pyright --pythonversion 3.12 mockserver contracts plugin

fmt: dev ## format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: ## the documentation as a site, in build/docs; a broken link fails the build
	@PYTHON="$(PYTHON)" .ci/setup docs
	@exec .venv-docs/bin/python -m bench.site

bench: dev ## measure against the rivals; prints ratios
	@exec $(BIN)/python -m bench $(ARGS)

conformance: dev ## the official clients through every scenario; rewrites the results in docs/conformance.md
	@exec $(BIN)/python -m bench.conformance

explored: dev ## published clients explored by a happy path each; rewrites docs/explored-clients.md; one with ARGS=litellm
	@exec $(BIN)/python -m bench.explored $(ARGS)

pictures: dev ## photograph the inspector for the README, in light and dark
	@exec $(BIN)/python -m bench.pictures

corpus: dev ## judge every picture and body of fixtures/corpus; prints the count
	@exec $(BIN)/python -m pytest -s -m corpus $(ARGS)

# Status 5 of pytest: there is no such test.
torture: dev ## millions of hostile tries, for hours; ARGS="requests --resume"
	@$(BIN)/python -m tests.torture $(ARGS)
	@$(if $(ARGS),:,$(BIN)/python -m pytest -s -m torture || [ $$? -eq 5 ])

attack: dev ## a minute of each kind of torture
	@exec $(BIN)/python -m tests.torture --seconds 60 $(ARGS)

scoreboard: dev ## put the figures of the runs before into docs/scoreboard.md; name those to replace with ARGS
	@exec $(BIN)/python -m tests.torture.scoreboard $(ARGS)

newest: dev ## run the suite on the newest of everything, in .venv-newest; says first what is newer than the lock
	@PYTHON=$(BIN)/python .ci/setup newest
	@.venv-newest/bin/python -m tests.supply.lock
	@exec .venv-newest/bin/python -m pytest -n 2 --dist worksteal $(call figures,newest) $(ARGS)

lowest: dev ## run the suite on the oldest versions that pyproject.toml allows, in .venv-lowest
	@PYTHON=$(BIN)/python .ci/setup lowest
	@exec .venv-lowest/bin/python -m pytest -c .ci/lowest.ini --rootdir . -n 2 --dist worksteal $(ARGS)

beside: dev ## resolve the plugin beside five applications; rewrites the table in docs/get-started.md
	@exec $(BIN)/python -m tests.supply.beside

lock = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(or $(ARGS),--upgrade) \
	--custom-compile-command "make lock"
# The frameworks come on top of .venv: what is there already is left out.
in_dev = $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' .ci/requirements-dev.txt)
lock: dev ## renew the lock of the development environment and the release's SBOM; one package with ARGS="-P pillow"
	@echo "-e ." | $(lock) --group dev --no-emit-package fauxscale \
		--output-file .ci/requirements-dev.txt pyproject.toml - >/dev/null
	@$(lock) --group frameworks --constraint .ci/requirements-dev.txt $(in_dev) --output-file .ci/requirements-frameworks.txt >/dev/null
	@$(lock) --group docs --output-file .ci/requirements-docs.txt >/dev/null
	@.ci/setup dev
	@exec $(BIN)/python -m tests.supply.sbom

audit: dev ## ask the package index for advisories about the packages of the lock
	@exec $(BIN)/python -m tests.supply.audit

types: dev ## rewrite the types of clients/js from the control API's description
	@exec $(BIN)/python -m tests.js_package.api_types

build: dev ## source archive and wheel, in dist/, the SBOM in both
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation

clean: ## remove what the other verbs made
	rm -rf .venv .venv-newest .venv-lowest .venv-openai1 .venv-header-creator .venv-openapi-python-client .venv-explored .venv-frameworks .venv-docs tests/*/node_modules tests/clients/published/node_modules dist build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mockserver contracts plugin tests bench fixtures .ci -name __pycache__ -type d -prune -exec rm -rf {} +

base dev:
	@PYTHON="$(PYTHON)" .ci/setup $@
