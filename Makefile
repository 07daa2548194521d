# Works with GNU make 3.81, the one macOS ships.
# Every target below first makes sure that .venv holds what requirements.lock says.

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed
NOTEBOOK := notebooks/00_start_here.ipynb
# JupyterLab would ask in every new environment, over the page, whether to show its news.
LAB_DEFAULTS := $(VENV)/share/jupyter/lab/settings/overrides.json

# Options passed on to the program that a target runs.
ARGS ?=
# The interpreter that .venv is made with; empty: the first good one of the list below.
PYTHON ?=
CANDIDATES := python3 python3.13 python3.12 python3.11

# An environment whose interpreter is gone, or that was made in another folder, does not
# count as installed: it would run an old copy of the package or nothing at all.
$(shell [ -x $(PY) ] && [ "$$(cat $(STAMP) 2>/dev/null)" = "$(CURDIR)" ] || rm -f $(STAMP))

# Shell code: sets $$python to the first usable interpreter, or says why there is none and stops.
define find_python
python=; seen=; \
for name in $(if $(PYTHON),"$(PYTHON)",$(CANDIDATES)); do \
	if ! command -v "$$name" >/dev/null 2>&1; then why="not found"; \
	elif ! "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		why="older than 3.11, or not working"; \
	elif ! "$$name" -c 'import ensurepip, venv' 2>/dev/null; then \
		why="has no venv module (on Debian and Ubuntu: apt install python3-venv)"; \
	else python=$$name; break; fi; \
	seen="$$seen  $$name: $$why\n"; \
done; \
if [ -z "$$python" ]; then \
	printf 'divlab needs Python 3.11 or newer, with its venv module. Looked at:\n%b' "$$seen" >&2; \
	printf 'Install one, or name one: make PYTHON=/path/to/python3\n' >&2; \
	exit 1; \
fi
endef

.DEFAULT_GOAL := help
.PHONY: help lab dashboard test test-browser package coverage bench bench-ui accuracy lint docs notebooks translations evidence pictures lock clean

help:
	@echo 'make lab        open the notebooks in JupyterLab (this machine only, token on)'
	@echo 'make dashboard  serve the explorers as a page without code (this machine only)'
	@echo 'make test       run the unit tests, then every notebook against its stored outputs'
	@echo 'make test-browser  operate every explorer in Chromium (skipped where there is none)'
	@echo 'make package    build wheel and sdist, and try the wheel in an empty environment'
	@echo 'make coverage   report which lines of the package the unit tests run'
	@echo 'make bench-ui   measure the explorers in Chromium, from key press to pixels'
	@echo 'make bench      run the benchmarks (the first time installs torch, a large download)'
	@echo 'make accuracy   compare divergences of random pairs and columns with the truth'
	@echo 'make lint       check style, formatting and types'
	@echo 'make docs       build the site into build/site, with notebooks as they are stored'
	@echo 'make notebooks  run all notebooks again and store their outputs'
	@echo 'make translations  bring the Portuguese notebooks in step with the English ones'
	@echo 'make evidence   make the stored tables again, an hour in all (ARGS=collapse_rates for one)'
	@echo 'make pictures   draw the pictures of the docs and of the dashboard again'
	@echo 'make lock       resolve pyproject.toml into requirements.lock (ARGS=--upgrade for newer)'
	@echo 'make clean      remove .venv and everything else that was built'
	@echo
	@echo 'The first target you run makes .venv; this takes a few minutes once.'
	@echo 'ARGS="..." passes options on, as in: make lab ARGS="--no-browser --port 8890"'
	@echo 'PYTHON=... picks the Python that .venv is made with.'

# pip compiles what it installs, but not what an editable install points to; where Python is told not
# to write bytecode, as in many containers, every import of divlab would compile its files again.
# The stamp is written last: an install that failed or was interrupted leaves none, and the
# next run starts again from nothing.
$(STAMP): requirements.lock pyproject.toml
	@$(find_python); \
	echo "Setting up $(VENV) with $$("$$python" --version), once."; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -q divlab
	@mkdir -p $(dir $(LAB_DEFAULTS))
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}' > $(LAB_DEFAULTS)
	@echo "$(CURDIR)" > $@

# What the lock pinned stays as it is; only what the benchmarks add is resolved here.
$(BENCH_STAMP): $(STAMP)
	$(PY) -m pip freeze --exclude-editable > $(VENV)/constraints.txt
	$(PY) -m pip install --disable-pip-version-check --constraint $(VENV)/constraints.txt \
		--no-build-isolation -e '.[bench]'
	@touch $@

# In a container one is often root, where Jupyter starts only if told that this is meant.
lab: $(STAMP)
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) $(NOTEBOOK) $(ARGS)

# Voila strips the code, and takes none from visitors; `dashboard` checks who asks, and has limits.
dashboard: $(STAMP)
	$(PY) -m dashboard $(ARGS)

# Programs are kept in build/, small ones too, for the other processes and for the next run: to read
# one back takes a third of the time.
test test-browser package coverage docs: export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/build/compiled
test test-browser package coverage docs: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0

# A file, or a notebook, stays in one process: what it compiled is there for its later tests. They
# come in their order, notebooks last: by the number of their tests, one with few and long ones would
# be last, on one core alone.
test: $(STAMP)
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder --nbval --ignore=tests/browser --ignore=notebooks/pt $(ARGS)

# One after the other: a browser beside another would measure, and wait for, both.
test-browser: $(STAMP)
	$(PY) -m pytest tests/browser $(ARGS)

# Into dist/, with the versions of the lock (ARGS=--newest for the newest).
package: $(STAMP)
	$(PY) -m tests.package $(ARGS)

coverage: $(STAMP)
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest -n auto --dist loadfile --ignore=tests/browser $(ARGS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

bench-ui: $(BENCH_STAMP)
	$(PY) -m tests.benchmarks explorers $(ARGS)

bench: $(BENCH_STAMP)
	$(PY) -m tests.benchmarks $(ARGS)

# An hour in all: 400 pairs with 32 and with 64 bits, and 200 columns with each.
accuracy: $(STAMP)
	$(PY) -m tests.accuracy --bits 32 $(ARGS)
	$(PY) -m tests.accuracy --bits 64 $(ARGS)

lint: $(STAMP)
	@status=0; \
	$(PY) -m ruff check || status=1; \
	$(PY) -m ruff format --check || status=1; \
	$(PY) -m mypy || status=1; \
	exit $$status

# Some minutes the first time: explorers are trained and recorded. ARGS=-E reads every page again.
docs: $(STAMP)
	$(PY) -m website $(ARGS)

# Widget state, timings and the interpreter's version stay out: they change with every run.
notebooks: $(STAMP)
	$(PY) -m nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.store_widget_state=False \
		--ExecutePreprocessor.record_timing=False \
		--ClearMetadataPreprocessor.enabled=True \
		--ClearMetadataPreprocessor.clear_cell_metadata=False \
		--ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec \
		$(ARGS) notebooks/*.ipynb
	$(PY) notebooks/translate.py catalogues
	$(PY) notebooks/translate.py pictures

# A text without a translation is named; it stands in notebooks/pt/*.po, without one.
translations: $(STAMP)
	$(PY) notebooks/translate.py catalogues
	$(PY) notebooks/translate.py notebooks

# Rates over many seeds, which the notebooks read from divlab/data/evidence.
evidence: $(STAMP)
	$(PY) -m divlab.evidence $(ARGS)

# Some minutes: what is shown is trained first.
pictures: $(STAMP)
	$(PY) -m divlab.explore.pictures

# One set of versions for every Python and platform, so that results agree between them.
lock:
	@$(find_python); \
	rm -rf .lock-venv; trap 'rm -rf .lock-venv' EXIT; trap 'exit 1' HUP INT TERM; \
	"$$python" -m venv .lock-venv && \
	.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' && \
	.lock-venv/bin/uv pip compile pyproject.toml --extra notebooks --extra test --extra docs \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
		--no-emit-index-url --no-emit-find-links --quiet \
		--custom-compile-command 'make lock' $(ARGS) --output-file requirements.lock

clean:
	rm -rf $(VENV) .lock-venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build dist
	find divlab notebooks tests \( -name __pycache__ -o -name .ipynb_checkpoints \) \
		-prune -exec rm -rf {} +
