# Everything happens in .venv; nothing else of the machine is touched.
PYTHON ?= $(if $(filter Windows_NT,$(OS)),python,python3)
# The build of torch.  One release by number, the one that the kit is tested with: it has CPU wheels for Python 3.10 to
# 3.13 on PyTorch's own index, some 200 MB instead of several GB with CUDA.  Where that index cannot be reached, pip
# says so and takes the same release from where it takes everything else.
# For CUDA:  make install TORCH=torch TORCH_INDEX=
# make remembers a choice in .venv/choice, so that `make reproduce` after that keeps it.
-include .venv/choice
TORCH ?= torch==2.13.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# More words for the command of a target:  make reproduce ARGS="--seeds 3"
ARGS ?=
# Processes that tests run in, and the longest that a notebook's cell may take, in seconds.
JOBS ?= 2
CELL_SECONDS ?= 900
# Threads of torch that wait do not spin: a few percent slower on free cores, several times as fast beside another program.
export OMP_WAIT_POLICY ?= passive
# Where a Python without ensurepip (Debian's without its venv package) gets its pip.
GET_PIP ?= https://bootstrap.pypa.io/get-pip.py

VENV := .venv
# Windows (make from Git's bash) has its own name for the folder of programs, and its own encoding of texts.
ifeq ($(OS),Windows_NT)
PROGRAMS := Scripts
export PYTHONUTF8 ?= 1
else
PROGRAMS := bin
endif
BIN := $(VENV)/$(PROGRAMS)
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check
NOTEBOOKS = $(sort $(wildcard notebooks/[0-9]*.ipynb))
# How pytest runs notebooks.
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS) --nbval-sanitize-with=notebooks/nbval.cfg
# An environment with Colab's versions.
COLAB := build/colab
COLAB_PY := $(COLAB)/$(PROGRAMS)/python
WIDGETS := $(addprefix tests/test_,widgets.py hand_poser.py notebook_tools.py turing.py)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install reproduce test test-colab lint notebooks lab fork site test-coursework coursework-release \
	coursework-grade clean FORCE

help:  ## this list
	@echo "make TARGET [VARIABLE=value ...]"
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'
	@echo "Variables: PYTHON=$(PYTHON) TORCH=$(TORCH) TORCH_INDEX=$(TORCH_INDEX) JOBS=$(JOBS) ARGS="

install: $(VENV)/installed  ## make the environment in .venv, once
	@echo "The environment is ready: $(VENV)"

reproduce: $(VENV)/installed  ## the main job on the embedded default; ends with the table
	$(PY) -m simgan_lib reproduce $(ARGS)

test: lint  ## linters, unit tests, doctests, and every notebook run and compared
	$(PY) -m pytest -n $(JOBS) --dist=loadfile $(NBVAL) tests simgan_lib $(NOTEBOOKS) $(ARGS)

# The kit goes in as a set-up cell does it.  Then what Colab lacks, as notebook 13 asks for it.
test-colab: $(COLAB)/installed  ## the same with the old versions that Colab has: set-up, widgets, NOTEBOOKS="..."
	$(COLAB_PY) -m pip uninstall --quiet --yes anywidget psygnal
	rm -rf build/lib
	$(COLAB_PY) -m pip install --quiet --no-deps --force-reinstall .
	$(COLAB_PY) -m pytest -m "long or not long" tests/test_colab.py
	$(COLAB_PY) -m pytest -n $(JOBS) --dist=loadfile $(NBVAL) $(WIDGETS) $(filter-out notebooks/13%,$(NOTEBOOKS)) $(ARGS)
	$(COLAB_PY) -m pip install --quiet --no-deps anywidget psygnal
	$(COLAB_PY) -m pytest $(NBVAL) tests/test_part_labeller.py $(filter notebooks/13%,$(NOTEBOOKS)) $(ARGS)

lint: $(VENV)/installed-dev  ## style, spelling, and which way imports run
	$(PY) -m ruff check .
	$(BIN)/codespell
	$(BIN)/lint-imports

notebooks: $(VENV)/installed-dev  ## run the notebooks again and write their outputs
	$(PY) notebooks/build.py $(ARGS)

lab: $(VENV)/installed-dev  ## open the notebooks in JupyterLab
	JUPYTER_CONFIG_PATH=notebooks $(PY) -m jupyter lab $(ARGS) notebooks

site: $(VENV)/installed-dev  ## the kit as a book for the browser, in build/site; nothing is run or fetched
	rm -rf build/site build/site-read
	$(PY) -m sphinx -W -q -c docs . build/site -d build/site-read $(ARGS)
	@echo "Open build/site/index.html"

test-coursework: $(VENV)/installed-dev  ## mark the whole bank of right and wrong answers and of cheats
	$(PY) -m coursework.bank $(ASSIGNMENT)

coursework-release: $(VENV)/installed-dev  ## students' notebooks  [ASSIGNMENT=...]
	$(PY) -m coursework.course release $(ASSIGNMENT)

coursework-grade: $(VENV)/installed-dev  ## marks, feedback, exports  SUBMISSIONS=folder [ASSIGNMENT=...]
	$(PY) -m coursework.course grade '$(SUBMISSIONS)' $(ASSIGNMENT)

fork: $(VENV)/installed-dev  ## write your place on GitHub into badges, set-up cells, citation: OWNER=name REPO=simgan-kit
	@$(PY) notebooks/fork.py "$$OWNER" $${REPO:+"$$REPO"}

clean:  ## remove the environment and caches; results stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# Stamps: a second make does nothing; a changed pyproject.toml or another TORCH installs again.
$(VENV)/installed: pyproject.toml $(VENV)/torch
	@echo "Installing the packages that the kit needs (some minutes)"
	$(PIP) install --quiet '$(TORCH)' -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/torch
	@echo "Installing the packages that the kit and its tests need (some minutes)"
	$(PIP) install --quiet '$(TORCH)' -e '.[dev]'
	@touch $@ $(VENV)/installed

# By the pip of .venv, which is there wherever the kit is.
$(COLAB)/installed: tests/colab.txt | $(VENV)/made
	@echo "Installing Colab's versions into $(COLAB) (some minutes)"
	$(PY) -m venv --clear --without-pip $(COLAB)
	$(PIP) --python $(COLAB_PY) install --quiet --no-deps --constraint tests/colab.txt $(from-index) torch
	$(PIP) --python $(COLAB_PY) install --quiet --requirement tests/colab.txt
	@touch $@

# The stamp holds the choice, and is written only when the choice is another.  A torch that stood in .venv before is
# taken if it fits; one that we installed gives way to another choice.  Alone and without dependencies, so that only
# torch is looked up in PyTorch's index.
$(VENV)/torch: FORCE | $(VENV)/made
	@choice='$(TORCH) $(TORCH_INDEX)'; \
	if [ "$$(cat $@ 2>/dev/null)" != "$$choice" ]; then \
		echo "Installing $(TORCH)"; \
		$(PIP) install --no-deps $$(test -f $@ && echo --force-reinstall) $(from-index) '$(TORCH)' && echo "$$choice" > $@; \
	fi
	@$(if $(filter filefile,$(origin TORCH)$(origin TORCH_INDEX)),:,printf 'TORCH ?= %s\nTORCH_INDEX ?= %s\n' '$(TORCH)' '$(TORCH_INDEX)' > $(VENV)/choice)

from-index = --retries 2 --timeout 15 $(if $(TORCH_INDEX),--extra-index-url '$(TORCH_INDEX)')

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "The kit needs Python 3.10 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Name another: make install PYTHON=python3.12" >&2; exit 2; }
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --without-pip $(VENV) && $(bring-pip); } || { \
		echo "$(PYTHON) cannot make an environment with pip in it. On Debian and Ubuntu:" \
			"sudo apt install $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')," \
			"then make again" >&2; exit 2; }
	@touch $@

# From the system's pip if there is one, else from pip's own site.
bring-pip = { $(PYTHON) -m pip --python $(PY) install --quiet pip 2>/dev/null || \
	{ $(PY) -c 'import urllib.request as web; web.urlretrieve("$(GET_PIP)", "$(VENV)/get-pip.py")' 2>/dev/null && \
	$(PY) $(VENV)/get-pip.py --quiet; }; }
