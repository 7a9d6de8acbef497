# make serve    the service on http://127.0.0.1:8000 (elsewhere: make serve HOST=0.0.0.0 PORT=9000); PyTorch only where there
#               is an NVIDIA GPU
# make test     the tests, in two processes (JOBS=0: in one, as a debugger wants it); make test-all: the slow ones too
# make pictures what the networks, auto and the gate make of real pictures (DATA=../shared/data), and their table
# make report   what was measured of every checkpoint, drawn to weights/report/, and the surest mistakes to runs/report/
# make figures  every figure and table that is not of the checkpoints as they are now, in order, but for speed and the
#               studies (FIGURES="--plan" only tells which; other options: python -m tools.remake --help)
# make bench    Lineup beside what one would run instead, under the same load, half an hour, and a flood (BENCH="--networks
#               lenet" shows a part and records nothing; with any options no flood is measured and no table made: see
#               python -m bench.serving --help); make bench-intake: what the intake costs; make bench-page: how soon the
#               page is there and answers, in Chromium
# make studies what each idea was worth: eight small experiments, one or two hours of a core (STUDIES="depth head": those alone)
# make skeletons  the graphs of the networks without their weights, and their stage tables, after a network's code changed
# make fuzz     200,000 damaged uploads, guided by coverage (RUNS changes the number)
# make judges   others' tools and chaos on a real server, 25 minutes: schemathesis with 20,000 cases (CASES), then a mixed
#               load while processes are killed and checkpoints swapped, five minutes of it (SECONDS_OF_CHAOS)
# make torch    PyTorch into .venv, where `make serve` did without: for training and evaluation
# make ray      Ray into .venv: for the service, and `lineup batch`, on a cluster; its tests are then no longer skipped
# make screenshot  the picture of the page in the README
# make vendor   others' browser code anew, as tools/vendored.json records it; needs npm
# make deploy-files  deploy/serve.yaml and deploy/rayservice.yaml, after a change of settings or sizes
# make lint types tables openapi clean

PYTHON ?= python3
# Not "?=": tcsh, conda and openSUSE's profile export HOST, as the machine's name, and nobody asked to listen on it.
HOST := $(or $(LINEUP_HOST),127.0.0.1)
PORT ?= $(or $(LINEUP_PORT),8000)
DATA ?= $(or $(LINEUP_DATA_DIR),../shared/data)
RUNS ?= 200000
CASES ?= 20000
SECONDS_OF_CHAOS ?= 300
# Processes that test at once, each with whole files. More than two would have servers under load beside each other.
JOBS ?= 2
BIN := .venv/bin
TORCH := "torch>=2.11,!=2.13.0" "torchvision>=0.26"

GPU := $(shell if [ -e /dev/nvidiactl ] || nvidia-smi -L >/dev/null 2>&1; then echo yes; fi)

.PHONY: serve test test-all pictures report bench bench-intake bench-page skeletons fuzz judges torch ray screenshot \
  vendor lint types types-of-pages tables openapi deploy-files clean figures studies

# What cannot be compiled, or kept, is told and no reason to stop: the service runs the rest, and says what is wrong.
serve: .venv/.serve $(if $(GPU),.venv/.torch)
	-$(if $(GPU),,$(BIN)/lineup compile)
	$(BIN)/lineup serve --host $(HOST) --port $(PORT)

test: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow" -n $(JOBS) --dist loadgroup --no-loadscope-reorder

# In one process: some of the slow ones want the machine for themselves.
test-all: .venv/.judges
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

pictures: .venv/.test
	$(BIN)/python -m models.evaluation.evaluate --all --pictures $(DATA)/photos --pictures-from-test --test-images 500 \
	  --data-dir $(DATA) --record weights/pictures.json
	$(BIN)/python -m tools.tables

report: .venv/.test
	$(BIN)/python -m tools.remake --data-dir $(DATA) --all --only report --only tables

figures: .venv/.test
	$(BIN)/python -m tools.remake --data-dir $(DATA) $(FIGURES)

studies: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m models.studies $(STUDIES) --data-dir $(DATA)
	$(BIN)/python -m tools.tables

bench: .venv/.test
	@$(MAKE) --no-print-directory .venv-bench/.rivals || echo "LitServe and BentoML could not be installed: their rows will say so"
	$(BIN)/python -m bench.serving $(BENCH)
	$(if $(strip $(BENCH)),,$(BIN)/python -m bench.overload)
	$(if $(strip $(BENCH)),,$(BIN)/python -m tools.tables)

bench-intake: .venv/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.intake
	$(BIN)/python -m tools.tables

bench-page: .venv/.test
	$(BIN)/python -m bench.page
	$(BIN)/python -m tools.tables

skeletons: .venv/.test
	$(BIN)/python -m tools.skeletons

fuzz: .venv/.test
	$(BIN)/python -m pip install --quiet -e ".[fuzz]"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.uploads -runs=$(RUNS)

# One after the other: each wants the machine for itself.
judges: .venv/.judges
	$(BIN)/python -m tests.judges.contract --cases $(CASES)
	$(BIN)/python -m tests.judges.chaos --seconds $(SECONDS_OF_CHAOS)

torch: .venv/.torch

ray: .venv/.ray

screenshot: .venv/.test
	SCREENSHOTS=tests/browser BROWSER_TESTS=required $(BIN)/python -m pytest -q tests/browser/test_page_picture.py

vendor:
	$(PYTHON) -m tools.vendor

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.test
	$(BIN)/mypy
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory types-of-pages; else \
	  echo "the pages' scripts were not checked: npm is not here; on Debian and Ubuntu: apt install npm"; \
	  test "$(BROWSER_TESTS)" != required; fi

types-of-pages: tools/page/node_modules/.made
	tools/page/node_modules/.bin/tsc -p tools/page

tables: .venv/.test
	$(BIN)/python -m tools.tables

openapi: .venv/.test
	$(BIN)/python -m tools.openapi > openapi.json.new && mv openapi.json.new openapi.json

deploy-files: .venv/.test
	$(BIN)/python -m tools.deployments

clean:
	rm -rf .venv .venv-bench tools/page/node_modules build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

# The environment, in layers; each is made once, and again when what it was made from changes. PyTorch is a layer beside
# the service's, over which the tests lie.
.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lineup needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "no environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

# Not compiled: what is used compiles itself in a second when it is first imported, the whole takes ten.
.venv/.serve: .venv/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile -e .
	@touch $@

.venv/.torch: tools/install-torch.sh pyproject.toml | .venv/.serve
	@echo "installing PyTorch into .venv: minutes, the first time"
	sh tools/install-torch.sh $(BIN)/python $(TORCH)
	$(BIN)/python -m pip install --quiet -e ".[torch]"
	@touch $@

.venv/.test: .venv/.serve .venv/.torch
	$(BIN)/python -m pip install --quiet -e ".[torch,dev]"
	@touch $@

.venv/.ray: .venv/.serve
	$(BIN)/python -m pip install --quiet -e ".[ray]"
	@touch $@

.venv/.judges: .venv/.test
	$(BIN)/python -m pip install --quiet -e ".[judges]"
	@touch $@

# TypeScript, which reads the types in the comments of the pages' scripts; its version stands in the file named here.
tools/page/node_modules/.made: tools/page/package.json
	cd tools/page && npm install --silent --no-package-lock --no-audit --no-fund
	@touch $@

# What `make bench` compares with, in an environment of its own that finds torch and Pillow in .venv.
.venv-bench/.rivals: .venv/.torch bench/rivals/requirements.txt
	$(BIN)/python -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -r bench/rivals/requirements.txt
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$(.venv-bench/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lineup-torch.pth"
	@touch $@
