# Everything starts from Python 3.11 or 3.12 and a network to fetch packages from; no compiler is needed.

PYTHON ?= python3
# torch stands outside the lock: the machine decides between a build for the CPU and one for CUDA.
TORCH ?= torch==2.13.0

# Three files of tests at a time: most of them wait for servers.
PYTEST ?= -n 3 --dist loadfile

# What `make image` builds, and the torch in it: the Dockerfile's own, for CUDA, where nothing is named.
IMAGE ?= quire
IMAGE_TORCH ?=

VENV := .venv
BIN := $(VENV)/bin
RUN := PYTHONPATH=code $(BIN)/python
MODEL := model/default/manifest.json
IMAGE_ARGUMENTS = --build-arg VERSION=$(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' quire_endpoint/__init__.py) \
	--build-arg REVISION=$(shell git describe --always --dirty --abbrev=12 2>/dev/null) \
	$(if $(IMAGE_TORCH),--build-arg "TORCH=$(IMAGE_TORCH)") \
	$(foreach name,PIP_INDEX_URL PIP_EXTRA_INDEX_URL,$(if $($(name)),--build-arg $(name)))
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --annotation-style=line

.DEFAULT_GOAL := help
.PHONY: help setup run test conformance image test-image .test-image sbom bench bench-stub bench-accuracy bench-throughput bench-tune bench-fairness bench-invariance bench-memory bench-page-rate bench-faults bench-cold-start bench-image-cold-start bench-ping bench-decoding bench-handlers bench-local bench-client docs samples lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(VENV)/.runtime $(MODEL) ## make .venv from the lock file, and the default model if it is missing

run: setup ## a local endpoint up, the sample documents through it, down again
	@$(RUN) -m quire.process.run_samples

test: setup $(VENV)/.tests ## lint, types and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(PYTEST)

conformance: setup ## every claim of docs/conformance.md against a local endpoint
	@$(BIN)/quire conformance

image: ## build the container image with docker, or else podman
	@PYTHON=$(PYTHON) tests/image/container build --tag $(IMAGE) $(IMAGE_ARGUMENTS)

test-image: setup $(VENV)/.tests ## build the image for the CPU and test it; skipped without docker or podman
	@if tests/image/container which; then $(MAKE) --no-print-directory .test-image; \
		else echo "make test-image is skipped."; fi

.test-image:
	$(MAKE) --no-print-directory image IMAGE=quire:test IMAGE_TORCH="$(TORCH)" PYTHON=$(BIN)/python
	IMAGE_UNDER_TEST=quire:test PYTHON=$(BIN)/python tests/image/container run $(BIN)/pytest tests/image

sbom: ## write what the image is made of to build/sbom.cdx.json (CycloneDX)
	@mkdir -p build
	@PYTHON=$(PYTHON) tests/image/container run sh -c '$$CONTAINER_ENGINE run --rm --network none \
		--entrypoint /opt/venv/bin/python $(IMAGE) -m quire.process.bill_of_materials' > build/sbom.cdx.json
	@echo "build/sbom.cdx.json lists what $(IMAGE) is made of."

bench: setup $(VENV)/.bench ## everything on this machine in one table: raw model, Quire, peers
	$(RUN) -m bench $(BENCH)

bench-stub: setup $(VENV)/.bench ## batching itself, over a model of known cost
	$(RUN) -m bench --stub

bench-accuracy: setup $(VENV)/.bench ## F1 and character error rate beside RapidOCR
	$(RUN) -m bench.accuracy

bench-throughput: setup $(VENV)/.bench ## pages a second on receipts beside RapidOCR, four in flight
	$(RUN) -m bench --documents receipts --only http-4 rapidocr

bench-cold-start: setup ## seconds from `serve` to the first page
	$(RUN) -m bench.cold_start

bench-image-cold-start: setup ## seconds from starting the image to the first page
	PYTHONPATH=code:. PYTHON=$(BIN)/python tests/image/container run $(BIN)/python -m bench.image_cold_start $(IMAGE)

bench-ping: setup ## seconds that /ping takes under load
	$(RUN) -m bench.ping

bench-decoding: setup ## pages written together beside one at a time
	$(RUN) -m bench.decoding

bench-handlers: setup ## seconds that /ping takes while a user's handler holds the GIL
	$(RUN) -m bench.handlers

bench-local: setup ## milliseconds that the local endpoint adds to an invocation
	$(RUN) -m bench.local_endpoint

bench-client: setup ## a batch of 50,000 whose client is killed three times
	$(RUN) -m bench.client_batch

bench-tune: setup ## the concurrency for this machine
	$(RUN) -m bench.tune

bench-fairness: setup ## seconds of a short document beside a long one
	$(RUN) -m bench.fairness

bench-invariance: setup ## whether a page reads the same in any company
	$(RUN) -m bench.invariance

bench-memory: setup ## memory for a long document and for a large body
	$(RUN) -m bench.memory

bench-page-rate: setup ## pages a second on long and short documents
	$(RUN) -m bench.page_rate

bench-faults: setup ## whether every document is answered once while device workers fail
	$(RUN) -m bench.faults

docs: setup ## write the generated parts of README and docs/schema
	$(RUN) -m docs.write

samples: setup ## draw the sample documents of tests/data anew
	$(RUN) -m tests.data.generate

lock: $(VENV)/.runtime ## resolve the requirements anew
	$(BIN)/python -m pip install --quiet pip-tools
	$(LOCK) --upgrade -o requirements.lock requirements.in
	$(LOCK) --upgrade -o requirements-dev.lock requirements-dev.in
	$(LOCK) --upgrade -o requirements-bench.lock requirements-bench.in
	$(LOCK) --upgrade -o requirements-model.lock requirements-model.in
	$(LOCK) --upgrade -o requirements-image.lock requirements-image.in
	$(LOCK) --upgrade -o tests/clients/sagemaker-2.lock tests/clients/sagemaker-2.in
	$(LOCK) --upgrade -o tests/clients/sagemaker-3.lock tests/clients/sagemaker-3.in
	cd tests/clients && npm install --package-lock-only --omit-lockfile-registry-resolved=true

clean: ## remove what was built, the default model included
	rm -rf $(VENV) out build model/default .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
		{ echo "Quire needs Python 3.11 or 3.12; say which: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making $(VENV)."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.torch: $(VENV)/.created
	@echo "Installing $(TORCH): up to several gigabytes where it is built for CUDA."
	@$(BIN)/python -m pip install --quiet $(TORCH)
	@touch $@

$(VENV)/.runtime: $(VENV)/.torch requirements.lock pyproject.toml
	@echo "Installing requirements.lock."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.tests: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing requirements-dev.lock."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.runtime requirements-bench.lock
	@echo "Installing requirements-bench.lock."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

$(MODEL): | $(VENV)/.runtime
	@$(BIN)/quire build-model
