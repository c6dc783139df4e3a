# make demo | test | lint | docs | clean
#   PYTHON=python3.12   the interpreter to build the environment with (default python3)
#   VENV=.venv          where that environment goes
#   ARGS="--slow -k x"  what `make test` passes on to pytest, after one worker a core: "-n 0" runs without workers

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

bin := $(VENV)/bin
pip := $(bin)/python -m pip --disable-pip-version-check --quiet --quiet

.PHONY: demo test lint docs clean

demo: $(VENV)/.installed
	$(need-compiler)
	$(bin)/snnsearch run studies/digits.py --trials 24 --workers 2

# Tests are dealt to the workers in runs of neighbours, which share fixtures, and an idle worker takes some of another's.
test: $(VENV)/.installed-test
	$(need-compiler)
	$(bin)/python -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

lint: $(VENV)/.installed-test
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/lint-imports

# Anew each time: a page of a name that is gone would stay, and a page that is not read again gives no warning.
docs: $(VENV)/.installed-docs
	rm -rf docs/_build docs/reference/generated
	$(bin)/python -m sphinx --nitpicky --fail-on-warning --keep-going --quiet -b html docs docs/_build
	@echo "Open docs/_build/index.html"

clean:
	rm -rf $(VENV) docs/_build docs/reference/generated build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Editable, so that only a changed pyproject.toml asks for another installation.
$(VENV)/.installed: what := .
$(VENV)/.installed-test: what := .[test]
$(VENV)/.installed-docs: what := .[docs]
$(VENV)/.installed $(VENV)/.installed-test $(VENV)/.installed-docs: pyproject.toml
	$(need-compiler)$(need-python)$(need-venv)
	@echo "Installing snnsearch into $(VENV) (a minute or two) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(pip) install --editable '$(what)'
	@touch $@

# A need is an empty text, or stops make with one sentence before the recipe that names it has run anything.
need-compiler = $(if $(shell command -v g++ 2>/dev/null),,$(error A C++ compiler is needed and g++ is not on the PATH: \
    install it, on Debian or Ubuntu with `apt install g++`))
need-python = $(if $(filter new,$(python)),,$(error Python 3.11 or newer is needed and \
    $(PYTHON) $(if $(python),is $(python),does not run): install one, or name one with `make PYTHON=...`))
need-venv = $(if $(shell $(PYTHON) -c 'import ensurepip, venv; print(1)' 2>/dev/null),,$(error Python's venv module is \
    needed and $(PYTHON) lacks it: install it, on Debian or Ubuntu with `apt install python3-venv`))
python = $(shell $(PYTHON) -c 'import sys; v = sys.version_info[:2]; print(v >= (3, 11) and "new" or "%d.%d" % v)' 2>/dev/null)
