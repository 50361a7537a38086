# Every target does its own set-up: a machine with python3.11 and make is enough.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp

.PHONY: setup demo serve test check bench train-defaults lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) --version >/dev/null 2>&1 || { echo "talkreel needs python3.11: install it, or run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

demo: setup
	$(BIN)/talkreel clip sample/talk.mp4 --out demo-out

# The API on 127.0.0.1:8000, docs at /docs; SERVE takes options, e.g. SERVE="--port 9000 --no-ray".
serve: setup
	$(BIN)/python -m serving.app $(SERVE)

test: setup
	.ci/servers
	PATH="$(CURDIR)/$(VENV)/azurite/node_modules/.bin:$$PATH" $(BIN)/pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m experiments.benchmarks.main_job --work bench-out

# Every shipped bundle, from the data; two at a time, each on one core. Goes on where it stopped.
SHIPPED := engagement emotion_text emotion_voice emotion_face hook
TRAINED := $(addprefix train-,$(SHIPPED))

train-defaults: setup
	$(MAKE) -j2 $(TRAINED)

.PHONY: $(TRAINED)
$(TRAINED): train-%:
	$(BIN)/python -m training.fit experiment=$*
	$(BIN)/python -m training.export experiment=$*

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) demo-out bench-out .mypy_cache .ruff_cache .pytest_cache
