"""A wheel and a source distribution hold what the kit needs, and no more; installed, they give the command `simgan`."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import simgan_lib
from simgan_lib.pretrained import shipped_names

ROOT = Path(__file__).resolve().parents[1]
PACKED = "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "simgan_lib", "notebooks", "tests", "studies"
STORE = f"simgan_kit-{simgan_lib.__version__}"


def made(hook, source, folder):
    """The path of what the build backend makes of a source tree, with the setuptools that is here: nothing is downloaded."""
    folder.mkdir()
    ask = f"from setuptools.build_meta import {hook}; print({hook}({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", ask], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """(source distribution, the wheel built from it): a wheel from the checkout could hold what an sdist lacks."""
    pytest.importorskip("setuptools", minversion="77.0.3")
    here = tmp_path_factory.mktemp("packed")
    (here / "source").mkdir()
    for name in PACKED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, here / "source" / name)
    sdist = made("build_sdist", here / "source", here / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(here, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(here)
    return sdist, made("build_wheel", here / STORE, here / "wheel")


def files_of_the_library():
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / "simgan_lib").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


def test_the_wheel_holds_the_library_whole_and_nothing_else(packed):
    with zipfile.ZipFile(packed[1]) as wheel:
        names = set(wheel.namelist())
        entry = wheel.read(f"{STORE}.dist-info/entry_points.txt").decode()
        about = message_from_string(wheel.read(f"{STORE}.dist-info/METADATA").decode())
    assert {name for name in names if not name.startswith(f"{STORE}.dist-info/")} == files_of_the_library()
    assert {Path(name).suffix for name in names} >= {".safetensors", ".jsonl", ".js", ".jinja", ".py"}
    assert entry.split() == ["[console_scripts]", "simgan", "=", "simgan_lib.__main__:main"]
    assert about["Version"] == simgan_lib.__version__ and about["Requires-Python"] == ">=3.10"
    assert f"{STORE}.dist-info/licenses/LICENSE" in names


def test_the_source_distribution_has_neither_notebooks_nor_half_of_the_tests(packed):
    with tarfile.open(packed[0]) as archive:
        names = {member.name.removeprefix(f"{STORE}/") for member in archive if member.isfile()}
    assert names >= files_of_the_library() | {"README.md", "LICENSE", "pyproject.toml"}
    assert not [name for name in names if name.startswith(("tests/", "notebooks/", "studies/"))]


@pytest.fixture(scope="module")
def installed(packed, tmp_path_factory):
    """The folder of programs of a fresh environment with the wheel in it; the packages it needs are those of this one."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(programs / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(packed[1])], check=True)
    library, = folder.rglob("site-packages")
    (library / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"])
    return programs


def test_an_installed_kit_gives_the_command(installed, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def said(*words):
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    module = said(installed / "python", "-m", "simgan_lib", "--help")
    command = said(installed / "simgan", "--help")
    assert command.startswith("usage: simgan [-h] COMMAND") and module.startswith("usage: python -m simgan_lib [-h] COMMAND")
    assert command.split("...", 1)[1] == module.split("...", 1)[1] and "reproduce" in command
    assert said(installed / "simgan", "refine", "--help").startswith("usage: simgan refine ")
    ask = "from simgan_lib.pretrained import SHIPPED, shipped_names; print(SHIPPED, *shipped_names())"
    folder, *names = said(installed / "python", "-c", ask).split()
    assert Path(folder).is_relative_to(installed.parent) and names == shipped_names()
