# `make` lists the targets. Each installs what it needs into .venv first, which is quick when pyproject.toml did not change.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test unit lint model fuzz chaos bench services services-stop docs

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' Makefile | expand -t 22

install: .venv/.installed  ## make .venv with everything for demo and tests (PYTHON=python3.12 takes another Python)

.venv/.installed: pyproject.toml tools/install.py
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there; install Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) tools/install.py

demo: install  ## a real (small) Qwen3-VL on vLLM describes a generated video on this machine
	@$(BIN)/video-consumer demo

lint: install  ## style, types, import rules, the image's file
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/Dockerfile

unit: install  ## the unit tests alone
	$(BIN)/python -m pytest tests/unit -q -n 2

# Integration and chaos tests wait a good deal for servers, so two processes share them, a module each. The model breaks the
# same parts of the protocol as `make chaos` does on a real Kafka, in a minute.
test: lint unit  ## everything: lint, unit tests, and tests on a real Kafka, MinIO, vLLM and Chromium (needs java, mvn, go, npm)
	$(BIN)/python -m pytest tests/sockets tests/media tests/formats tests/fuzz tests/tiny_model tests/model -q -n 2
	$(BIN)/python -m pytest tests/report -q -n 2
	$(BIN)/python -m pytest tests/integration -n 2 --dist loadgroup --maxfail=10
	$(BIN)/python -m pytest tests/chaos --ignore tests/chaos/test_mutations.py -n 2 --dist loadfile --maxfail=3

SEED ?= 1
FAULTS ?= 100
WORKERS ?= 3
COUNT ?= 2000

model: install  ## a million random steps of the protocol on a model of Kafka (STEPS=n for another number)
	$(BIN)/python -m tests.model $(STEPS)

fuzz: install  ## 2,000 damaged and lying video files (SEED=1 COUNT=2000): each ends in a documented code, nothing is left
	$(BIN)/python -m tests.fuzz --seed $(SEED) --count $(COUNT)

chaos: install  ## kill, freeze, cut off real processes (SEED=1 FAULTS=100 WORKERS=3); then break the protocol: is it seen?
	$(BIN)/python -m tests.chaos --seed $(SEED) --faults $(FAULTS) --workers $(WORKERS)
	$(BIN)/python -m pytest tests/chaos/test_mutations.py

bench: install  ## measure throughput, memory and idle cost
	$(BIN)/python -m pytest tests/benchmarks -s

services: install  ## start a real Kafka, MinIO and Prometheus on this machine and print the settings to export
	@$(BIN)/python -m tests.services

services-stop: install  ## stop them
	@$(BIN)/python -m tests.services stop

docs: install  ## write the generated parts of the documentation
	@$(BIN)/python -m tools.docs
	@$(BIN)/python -m tools.dashboards
	@$(BIN)/python -m tools.watch_picture
	@$(BIN)/python -m tools.asyncapi
	@$(BIN)/python -m tests.formats

# What the image is made of; deploy/Dockerfile runs these two, and so does a test. uv is that of .venv, or the system's.
.PHONY: libraries wheel image image-push release
VENV ?= /opt/venv
EXTRAS ?=
UV := $(firstword $(wildcard $(BIN)/uv) uv)

libraries:  ## what the package needs, without itself, into VENV=/opt/venv (EXTRAS="gpu runpod")
	$(PYTHON) -m venv $(VENV)
# pyproject.toml's overrides are for the CPU engine only. Whoever runs the image cannot write bytecode into it.
	$(UV) pip install --compile-bytecode $(if $(filter cpu,$(EXTRAS)),,--no-config) --python $(VENV) -r pyproject.toml $(EXTRAS:%=--extra %)

wheel:  ## the package as a wheel in dist/, and no other
	rm -rf dist
	$(UV) build --quiet --wheel --out-dir dist

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git rev-parse HEAD)
IMAGE ?= video-consumer
TAGS ?=
STAGE ?= gpu
# Read by docker from the environment: a model's name is no part of a command, and a token of no image.
export BAKED_MODEL HF_TOKEN
BUILD = docker build --file deploy/Dockerfile --target $(STAGE) $(patsubst %,--tag $(IMAGE):%,$(or $(TAGS),$(VERSION))) \
	--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	$(if $(BAKED_MODEL),--build-arg BAKED_MODEL) $(if $(HF_TOKEN),--secret id=HF_TOKEN)

image:  ## build the image (STAGE=gpu IMAGE=you/video-consumer TAGS="0.1.0 latest" BAKED_MODEL=owner/model)
	$(BUILD) .

image-push:  ## the same, and push it (docker login first)
	$(BUILD) --push .

release: wheel  ## publish the version of pyproject.toml on GitHub, with its part of CHANGELOG.md (GH_TOKEN)
	$(PYTHON) tools/release.py $(VERSION)
