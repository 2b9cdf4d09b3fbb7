# Every verb of this repository. Each sets up .venv by itself the first time, and again when pyproject.toml changes.
#
#   make serve ARGS="--port 0"     make test ARGS="-k ledger -x"     make serve PYTHON=/opt/python3.12/bin/python3

.DEFAULT_GOAL := help
.PHONY: help serve test coverage modes e2e check fmt bench conformance corpus torture attack build clean base dev

ARGS ?=
PYTHON ?=
BIN := .venv/bin

help: ## list the verbs
	@sed -n 's/^\([a-z0-9]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

serve: base ## serve on http://127.0.0.1:2160 until Ctrl-C
	@exec $(BIN)/fauxscale serve $(ARGS)

test: dev ## run the suite
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

# Coverage wraps pytest, not the other way round: pytest loads the plugin's entry point before any option
# could start the measurement. A part of the tests, chosen with ARGS, is not held to the gate.
coverage: dev ## run the suite and e2e, hold them to the branch coverage gate: half as long again
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2 --dist worksteal -m "not torture and not corpus" $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report $(if $(ARGS),--fail-under 0)

modes: dev ## the tests of the server in every mode: over a socket, without one, with TLS
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal --every-mode tests/mockserver $(ARGS)

e2e: dev ## the tests that start programs: browsers, Node.js, whole pytest runs, installed packages
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal -m e2e $(ARGS)

check: dev ## formatter, lint, both type checkers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright

fmt: dev ## format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev ## measure against the rivals; prints ratios
	@exec $(BIN)/python -m bench $(ARGS)

conformance: dev ## the official clients through every scenario; rewrites the results in docs/conformance.md
	@exec $(BIN)/python -m bench.conformance

corpus: dev ## judge every picture and body of fixtures/corpus; prints the count
	@exec $(BIN)/python -m pytest -s -m corpus $(ARGS)

# Status 5 of pytest: there is no such test.
torture: dev ## millions of hostile tries, for hours; ARGS="requests --resume"
	@$(BIN)/python -m tests.torture $(ARGS)
	@$(if $(ARGS),:,$(BIN)/python -m pytest -s -m torture || [ $$? -eq 5 ])

attack: dev ## a minute of each kind of torture
	@exec $(BIN)/python -m tests.torture --seconds 60 $(ARGS)

build: dev ## source archive and wheel, in dist/
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation

clean: ## remove what the other verbs made
	rm -rf .venv .venv-openai1 tests/js/node_modules dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mockserver contracts plugin tests bench fixtures .ci -name __pycache__ -type d -prune -exec rm -rf {} +

base dev:
	@PYTHON="$(PYTHON)" .ci/setup $@
