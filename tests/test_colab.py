"""The kit where packages are older than ours and must stay so: what a set-up cell installs, and what pip would do.

The tests marked `long` are of an environment with the versions in colab.txt, and ask the package index:  make test-colab
"""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simgan_lib.system.errors import UserError
from simgan_lib.teaching.notebook import REPOSITORY

ROOT = Path(__file__).resolve().parents[1]
PINNED = dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / "tests" / "colab.txt").read_text(encoding="utf-8"), re.MULTILINE))


def setup_cell():
    notebook = json.loads((ROOT / "notebooks" / "00_tour.ipynb").read_text(encoding="utf-8"))
    return "".join(next(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"))


@pytest.mark.parametrize("there", [True, False])
def test_a_set_up_cell_installs_the_kit_alone_and_only_where_it_is_missing(there, monkeypatch):
    called = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: {"simgan_lib": there or None}[name])
    monkeypatch.setattr(subprocess, "run", lambda words, check: called.append((words, check)))
    exec(setup_cell(), {})
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"git+https://github.com/{REPOSITORY}"]
    assert called == ([] if there else [(install, True)])


@pytest.mark.long
def test_this_is_the_environment():
    assert {name: importlib.metadata.version(name).split("+")[0] for name in PINNED} == PINNED


@pytest.mark.long
def test_the_kit_with_its_dependencies_moves_nothing_and_brings_what_colab_lacks(tmp_path):
    """Without --no-deps, too: nobody's session breaks who installs the kit in the ordinary way."""
    report = tmp_path / "report.json"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", report, ROOT], check=True)
    brought = {item["metadata"]["name"] for item in json.loads(report.read_text(encoding="utf-8"))["install"]}
    assert brought == {"simgan-kit", "anywidget", "psygnal"}


@pytest.mark.long
def test_the_labeller_says_what_is_missing():
    with pytest.raises(UserError, match="pip install anywidget"):
        importlib.import_module("simgan_lib.teaching.part_labeller")
