"""The files that set the kit up agree with each other, and with what Colab has."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import simgan_lib

ROOT = Path(__file__).parents[1]
# A floor above one of these would make the kit's installation there move the package.
COLAB = dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / "tests" / "colab.txt").read_text(encoding="utf-8"), re.MULTILINE))
COLAB["torch"] = "2.11"             # August 2026; in the file stands the one that make installs
LACKS = {"anywidget"}
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


@pytest.fixture(scope="module")
def project():
    tomllib = pytest.importorskip("tomllib", reason="pyproject.toml is read with Python 3.11 or later")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def floors(lines):
    """{package: lowest version}; fails on anything but a floor."""
    found = {}
    for requirement in map(Requirement, lines):
        assert re.fullmatch(r">=[\d.]+", str(requirement.specifier)), f"{requirement}: expected a floor, and no cap"
        found[requirement.name] = Version(str(requirement.specifier)[2:])
    return found


def test_floors_are_no_higher_than_what_colab_has(project):
    needed = floors(project["dependencies"])
    assert {name for name, version in COLAB.items() if needed[name] > Version(version)} == set()
    assert set(needed) - set(COLAB) == LACKS


def test_conda_users_get_the_same_packages(project):
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = {CONDA_NAMES.get(name, name): version for name, version
             in floors(line for line in listed if isinstance(line, str) and line != "pip").items()}
    pip, = (line["pip"] for line in listed if isinstance(line, dict))
    assert pip[0] == "-e ."
    everything = floors(project["dependencies"] + project["optional-dependencies"]["dev"])
    assert conda | floors(pip[1:]) == everything | {"python": Version(project["requires-python"].removeprefix(">="))}


def test_the_torch_that_make_installs_is_allowed(project):
    pinned = re.search(r"^TORCH \?= torch==(.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
    assert Version(pinned) >= floors(project["dependencies"])["torch"]


@pytest.mark.parametrize("given, threads", [
    ({}, None), ({"PYTEST_XDIST_WORKER_COUNT": "1"}, "6"), ({"PYTEST_XDIST_WORKER_COUNT": "2"}, "3"),
    ({"PYTEST_XDIST_WORKER_COUNT": "4"}, "1"), ({"PYTEST_XDIST_WORKER_COUNT": "9"}, "1"),
    ({"PYTEST_XDIST_WORKER_COUNT": "2", "OMP_NUM_THREADS": "5"}, "5")])
def test_test_processes_share_the_cores_unless_told_otherwise(monkeypatch, given, threads):
    environment = dict(given)
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(6), raising=False)
    runpy.run_path(str(ROOT / "conftest.py"))
    assert environment.get("OMP_NUM_THREADS") == threads and environment["OMP_WAIT_POLICY"] == "passive"
    assert environment.get("LOKY_MAX_CPU_COUNT") == (threads if "OMP_NUM_THREADS" not in given else "3")


def test_a_test_process_has_its_share_and_so_has_what_it_starts():
    ask = "import torch; print(torch.get_num_threads())"
    started = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, timeout=120)
    here = torch.get_num_threads()
    assert int(started.stdout) == here == int(os.environ.get("OMP_NUM_THREADS", here))


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_make_remembers_which_torch_was_chosen(tmp_path):
    """CUDA's torch, once installed, must not give way to the CPU's with the next plain command."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    environment = {name: value for name, value in os.environ.items() if name not in ("TORCH", "TORCH_INDEX", "MAKEFLAGS")}

    def variables(*words):
        said = subprocess.run(["make", "help", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return re.search(r"TORCH=(\S*) TORCH_INDEX=(\S*)", said.stdout).groups()
    default = variables()
    assert default[0].startswith("torch==") and default[1].endswith("/cpu")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "choice").write_text("TORCH ?= torch\nTORCH_INDEX ?= \n")
    assert variables() == ("torch", "")
    assert variables("TORCH=torch==2.12.0")[0] == "torch==2.12.0"


def test_what_the_library_imports_is_declared(project):
    """A package that is there by luck, because another brings it, is one that goes away some day."""
    modules = {"scikit-image": "skimage", "scikit-learn": "sklearn", "ipython": "IPython"}
    declared = {modules.get(name, name) for name in floors(project["dependencies"])}
    declared |= {name for extra in ("vgg", "fid", "cluster", "tensorboard")
                 for name in floors(project["optional-dependencies"][extra])}
    # Matplotlib cannot be without Pillow, requests not without urllib3, ipywidgets not without traitlets.
    declared |= {"PIL", "urllib3", "traitlets", "simgan_lib"}
    for path in (ROOT / "simgan_lib").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
        assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) <= declared, path.name


def test_citation_has_the_version_of_the_library():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == simgan_lib.__version__


def test_the_map_names_every_module_and_wing():
    package = ROOT / "simgan_lib"
    there = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}
    named = re.findall(r"^    (\w+) {2,}\S", simgan_lib.__doc__, re.MULTILINE)
    assert sorted(named) == sorted(there)
