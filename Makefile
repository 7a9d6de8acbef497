# make serve    the service on http://127.0.0.1:8000 (HOST and PORT change that)
# make test     the tests; make test-all: the slow ones too
# make pictures what the networks, auto and the gate make of real pictures (DATA=../shared/data), and the README's table
# make bench    what the intake costs, and the README's table
# make fuzz     200,000 damaged uploads, guided by coverage (RUNS changes the number)
# make lint types tables openapi clean

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= ../shared/data
RUNS ?= 200000
BIN := .venv/bin
TORCH := "torch>=2.11,!=2.13.0" "torchvision>=0.26"

.PHONY: serve test test-all pictures bench fuzz lint types tables openapi clean

serve: .venv/.serve
	$(BIN)/lineup serve --host $(HOST) --port $(PORT)

test: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow"

test-all: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

pictures: .venv/.test
	$(BIN)/python -m models.evaluation.evaluate --all --pictures $(DATA)/photos --pictures-from-test --test-images 500 \
	  --data-dir $(DATA) --record weights/pictures.json
	$(BIN)/python -m tools.tables

bench: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.intake
	$(BIN)/python -m tools.tables

fuzz: .venv/.test
	$(BIN)/python -m pip install --quiet -e ".[fuzz]"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.uploads -runs=$(RUNS)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.test
	$(BIN)/mypy

tables: .venv/.test
	$(BIN)/python -m tools.tables

openapi: .venv/.test
	$(BIN)/python -m tools.openapi > openapi.json.new && mv openapi.json.new openapi.json

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

# The environment, in three layers; each is made once, and again when what it was made from changes.
.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lineup needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "no environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

.venv/.torch: .venv/.python tools/install-torch.sh
	@echo "installing PyTorch into .venv: minutes, the first time"
	sh tools/install-torch.sh $(BIN)/python $(TORCH)
	@touch $@

.venv/.serve: .venv/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

.venv/.test: .venv/.serve
	$(BIN)/python -m pip install --quiet -e ".[train,dev]"
	@touch $@
