# Needs git, make, Python 3.10 to 3.13 and PyPI; no root. Everything is installed into $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := runs/demo
RECIPE := zoo/demo/recipe.toml

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# As `import kerasgan` does; tests import Keras first.
export TF_ENABLE_ONEDNN_OPTS ?= 1

.PHONY: help demo demo-colour test test-slow test-export lint format results docs docs-serve clean distclean

help:
	@echo "make demo       train DCGAN on real images, score it, export it, check what was exported"
	@echo "make demo-colour   the same on emoji in colour"
	@echo "make test       the tests of every day        make test-slow   those that take minutes"
	@echo "make test-export   those that need Chromium, npm's registry and other runtimes"
	@echo "make lint       ruff, changing nothing        make format      ruff, changing files"
	@echo "make docs       the documentation, strictly, into build/site"
	@echo "make clean      build artefacts, caches, demos      make distclean   also $(VENV)"
	@echo "PYTHON=python3.12 chooses the interpreter, VENV=.venv-3.12 where it is installed."

demo: $(STAMP)
	@printf '\n== 1/3  Train: DCGAN by %s\n' $(RECIPE)
	@$(BIN)/kerasgan train $(RECIPE) --output $(DEMO) --overwrite
	@printf '\n== 2/3  Export: SavedModel and TFLite\n'
	@$(BIN)/kerasgan export $(DEMO) --format saved_model --output $(DEMO)/saved_model
	@$(BIN)/kerasgan export $(DEMO) --format tflite --output $(DEMO)/generator.tflite
	@printf '\n== 3/3  Check: another process compares both with Keras\n'
	@$(BIN)/python export/check_parity.py $(DEMO)
	@printf '\n== Done. Look at\n'
	@printf '  %-34s %s\n' \
	    '$(DEMO)/samples.png' 'what the generator makes' \
	    '$(DEMO)/progress.png' 'the same latents, epoch by epoch' \
	    '$(DEMO)/progress.webp' 'the same as a film' \
	    '$(DEMO)/result.json' 'its scores, and how they were measured' \
	    '$(DEMO)/saved_model/1/' 'for TF Serving' \
	    '$(DEMO)/generator.tflite' 'for a phone or a browser'
	@printf '\nNext, for instance\n'
	@printf '  %s\n' \
	    '$(BIN)/kerasgan sample $(DEMO) --seed 1 --output $(DEMO)/more.png' \
	    '$(BIN)/kerasgan train $(RECIPE) --steps 20000 --output runs/longer' \
	    '$(BIN)/kerasgan train --dataset path/to/your/pictures --output runs/mine' \
	    '$(BIN)/tensorboard --logdir runs'

demo-colour:
	@$(MAKE) --no-print-directory demo RECIPE=zoo/demo_colour/recipe.toml DEMO=runs/demo-colour

test: $(STAMP)
	@$(BIN)/python -m pytest -q

test-slow: $(STAMP)
	@$(BIN)/python -m pytest -q -m slow

test-export: $(STAMP)
	@command -v chromium >/dev/null || { echo 'There is no Chromium: apt-get install chromium' >&2; exit 1; }
	@$(BIN)/python -m pip install -q -e '.[dev,docs,runtimes]' -c constraints.txt
	@$(BIN)/python -m pytest -q -rs -m export

lint: $(STAMP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo || { $(BIN)/lint-imports --help; exit 1; }

format: $(STAMP)
	@$(BIN)/ruff check --fix-only -q
	@$(BIN)/ruff format

results: $(STAMP)
	@$(BIN)/python tools/make_results.py

docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo 'Open build/site/index.html'

docs-serve: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

$(VENV)/.docs: $(STAMP)
	@$(BIN)/python -m pip install -q -e '.[dev,docs]' -c constraints.txt && touch $@

# An environment that an interrupted install left behind is told by its `.installing` and is made
# anew; a complete one is kept and only brought up to date.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@in_range='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; \
	if [ -e $(VENV)/.installing ] || ! $(BIN)/python -c "$$in_range" 2>/dev/null; then \
	    for python in $(PYTHON) python3.13 python3.12 python3.11 python3.10 none; do \
	        ! $$python -c "$$in_range" 2>/dev/null || break; \
	    done; \
	    if [ $$python = none ]; then \
	        echo "kerasgan needs Python 3.10 to 3.13, and $(PYTHON) is none:" \
	            "try make PYTHON=/path/to/python3.12" >&2; exit 1; \
	    fi; \
	    echo "Setting up $(VENV) with $$($$python --version): some minutes, once"; \
	    rm -rf $(VENV) && mkdir -p $(VENV) && touch $(VENV)/.installing && \
	    $$python -m venv $(VENV) || exit 1; \
	fi; \
	touch $(VENV)/.installing && \
	$(BIN)/python -m pip install -q -e '.[dev]' -c constraints.txt && \
	rm $(VENV)/.installing && touch $@

clean:
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis $(DEMO) runs/demo-colour
	@find . -path './.venv*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)
