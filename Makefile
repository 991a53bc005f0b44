# What one types here. `make` alone lists it.
PYTHON ?= python3
HUB := .venvs/hub/bin
ARGS ?=
LOCKED := boot hub mount dev lab dvc
# How images are built and made known to the cluster's nodes, and their tag: see tools/build_images.py.
BUILD ?=
LOAD ?=
TAG ?= dev
IMAGES ?=

.DEFAULT_GOAL := help
.PHONY: help up down status environments dev-environments assets test test-faults lint format docs lock wheels images test-kubernetes benchmarks

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: environments assets ## Start Noteyard and keep it running until Ctrl-C (ARGS="--port 9000 --state DIR")
	@exec $(HUB)/noteyard up $(ARGS)

down: environments ## Stop it
	@exec $(HUB)/noteyard down $(ARGS)

status: environments ## Tell how its parts are
	@exec $(HUB)/noteyard status $(ARGS)

environments:
	@$(PYTHON) tools/bootstrap.py

dev-environments:
	@$(PYTHON) tools/bootstrap.py --dev

assets: environments ## Fetch what the pages load in a browser (done by up and test)
	@UV="$$($(PYTHON) tools/bootstrap.py --uv)" && UV="$$UV" $(PYTHON) tools/build_assets.py

test: dev-environments assets ## All tests but the long ones
	@$(PYTHON) tools/bootstrap.py --browser
	$(HUB)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow and not faults" $(ARGS)

test-faults: dev-environments assets ## Kill real processes for many rounds, and the other long tests
	@$(PYTHON) tools/bootstrap.py --browser
	@$(PYTHON) tools/bootstrap.py --keycloak
	@$(PYTHON) tools/bootstrap.py --pebble
	$(HUB)/python -m pytest -n 2 --dist loadfile -m "slow or faults" $(ARGS)

lint: dev-environments ## Check style, types and the direction of imports
	$(HUB)/ruff check .
	$(HUB)/ruff format --check .
	$(HUB)/mypy hub/noteyard tools
	$(HUB)/mypy --python-executable .venvs/lab/bin/python extensions/noteyard-lab/noteyard_lab
	$(HUB)/lint-imports

format: dev-environments ## Put the code in the project's style
	$(HUB)/ruff check --fix --quiet . || true
	$(HUB)/ruff format .

docs: environments ## Write the generated pages of docs/ anew
	$(HUB)/python tools/generate_docs.py

lock: ## Lock the newest packages that requirements/*.in allow
	@UV="$$($(PYTHON) tools/bootstrap.py --uv)" && for name in $(LOCKED); do \
	  "$$UV" pip compile --quiet --upgrade --generate-hashes --python-version 3.11 \
	    --override requirements/overrides.txt requirements/$$name.in -o requirements/$$name.lock || exit 1; done

wheels: environments assets ## Build both distributions into dist/
	@for folder in hub extensions/noteyard-lab; do \
	  (cd $$folder && $(CURDIR)/$(HUB)/python -m hatchling build -t wheel -d $(CURDIR)/dist) || exit 1; done

images: environments assets ## Build the container images (BUILD="docker build" LOAD="kind load docker-image" TAG=dev)
	@$(PYTHON) tools/build_images.py --tag "$(TAG)" --build "$(BUILD)" --load "$(LOAD)" $(IMAGES)

test-kubernetes: dev-environments images ## Install the chart on the cluster of KUBECONFIG and test it there (LOAD=… as for images)
	@test -n "$$KUBECONFIG" || { echo "Set KUBECONFIG to a cluster for tests, e.g. one of kind." >&2; exit 1; }
	@$(PYTHON) tools/bootstrap.py --browser
	@$(PYTHON) tools/bootstrap.py --keycloak
	NOTEYARD_TEST_TAG="$(TAG)" $(HUB)/python -m pytest -m "not slow" tests/chart tests/kubernetes $(ARGS)
	NOTEYARD_TEST_TAG="$(TAG)" $(HUB)/python -m pytest tests/contract -k kubernetes

benchmarks: dev-environments assets ## Measure against the alternatives
	@$(PYTHON) tools/bootstrap.py --browser
	@$(PYTHON) tools/bootstrap.py --wrk
	$(HUB)/python -m benchmarks $(ARGS)
