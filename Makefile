# Every task of the project. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test test-browser card lint format bench chaos chaos-smoke lock clean

ARGS ?=
N ?= 100000
WORKERS ?= auto
PEOPLE ?= 2000
KILLS ?= 200
SEED ?= 1
PYTHON_IN_VENV := .venv/bin/python
ON_TEST_SERVERS := $(PYTHON_IN_VENV) -m tests.servers
# Every task starts several processes, which would else compile the same modules anew, each one and each time.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/.ready: pyproject.toml bin/bootstrap $(wildcard requirements/*.txt)
	@bin/bootstrap

demo: .venv/.ready ## Run everything in this terminal; ARGS="--port 9000 --fresh"
	@exec $(PYTHON_IN_VENV) manage.py demo $(ARGS)

demo-reset: .venv/.ready ## Delete the demo's data
	@$(PYTHON_IN_VENV) manage.py demo --reset

test: .venv/.ready ## Run the tests on their own PostgreSQL and Valkey; ARGS="-k name", WORKERS=0 for one process
	@$(PYTHON_IN_VENV) -m pytest -n $(WORKERS) --dist worksteal --ignore tests/e2e -p no:playwright -p no:base_url $(ARGS)

test-browser: .venv/.ready ## Run the tests in a real browser; the check of a clone runs both
	@$(PYTHON_IN_VENV) -m pytest -n $(WORKERS) --dist worksteal -m e2e $(ARGS)

card: ## Check the card on HubSpot's record pages; needs node, and is part of `make test` where it is there
	cd integrations/hubspot/project/src/app/cards && npm ci --ignore-scripts --no-audit --no-fund && npm run types && npm test

lint: .venv/.ready ## Check style, types, import contracts, migrations and templates
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/djlint --check --lint --quiet templates
	.venv/bin/lint-imports
	$(ON_TEST_SERVERS) .venv/bin/mypy .
	$(ON_TEST_SERVERS) $(PYTHON_IN_VENV) manage.py makemigrations --check --dry-run

format: .venv/.ready ## Rewrite the code in the project's style
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
	.venv/bin/djlint --reformat --quiet templates

bench: .venv/.ready ## Measure against the floor; N=100000 people
	@$(PYTHON_IN_VENV) -m tests.benchmark $(N) $(ARGS)

chaos: .venv/.ready ## Sync while processes die; PEOPLE=2000 KILLS=200 SEED=1
	@$(PYTHON_IN_VENV) -m tests.chaos $(PEOPLE) --kills $(KILLS) --seed $(SEED) $(ARGS)

chaos-smoke: .venv/.ready ## The same with 300 people and ten kills, part of .ci/run
	@$(PYTHON_IN_VENV) -m tests.chaos --smoke $(ARGS)

# The locks hold versions and hashes of the public index and name no host, so local indexes stay out.
COMPILE := env -u UV_DEFAULT_INDEX -u UV_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
	-u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL -u PIP_FIND_LINKS \
	UV_CUSTOM_COMPILE_COMMAND="make lock" UV_PYTHON_DOWNLOADS=never \
	$$(command -v .tools/bin/uv || command -v uv) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url pyproject.toml

lock: ## Compile requirements/*.txt from pyproject.toml; ARGS="--upgrade"
	$(COMPILE) $(ARGS) --output-file requirements/production.txt
	$(COMPILE) $(ARGS) --group demo --constraint requirements/production.txt --output-file requirements/demo.txt
	$(COMPILE) $(ARGS) --group test --constraint requirements/demo.txt --output-file requirements/test.txt
	$(COMPILE) $(ARGS) --group dev --constraint requirements/test.txt --output-file requirements/dev.txt

clean: ## Delete the virtual environment, the tools and every cache
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
