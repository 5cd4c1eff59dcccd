"""What GitHub is told to run is what README promises, with no right that it does not need; and make's words for Windows."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = {"ubuntu-latest", "macos-latest", "windows-latest"}
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def workflow():
    return yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def promised():
    """The Pythons of README, first and last, with those between."""
    first, last = re.search(r"Python 3\.(\d+) to 3\.(\d+)", README).groups()
    return [f"3.{minor}" for minor in range(int(first), int(last) + 1)]


def test_the_tests_are_readmes_command_on_every_system_and_python(workflow):
    job = workflow["jobs"]["test"]
    assert commands(job) == ["make test"] and re.search(r"^make test +#", README, re.MULTILINE)
    assert workflow["defaults"]["run"]["shell"] == "bash"
    assert set(job["strategy"]["matrix"]["system"]) == SYSTEMS and job["runs-on"] == "${{ matrix.system }}"
    assert job["strategy"]["matrix"]["python"] == promised() and job["strategy"]["fail-fast"] is False
    setup, = (step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python"))
    assert setup["with"] == {"python-version": "${{ matrix.python }}", "cache": "pip", "cache-dependency-path": "pyproject.toml"}


def test_the_package_promises_the_same_pythons():
    assert re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT) == promised()
    assert f'requires-python = ">={promised()[0]}"' in PROJECT
    assert promised()[0].replace(".", ", ") in re.search(r"version_info < \((.*?)\)", (ROOT / "Makefile").read_text()).group(1)


def test_the_site_is_published_from_the_default_branch_alone_and_only_if_the_tests_pass(workflow):
    site, publish = workflow["jobs"]["site"], workflow["jobs"]["publish"]
    assert site["needs"] == "test" and publish["needs"] == "site"
    assert site["if"] == "github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch"
    assert "if" not in publish and commands(site) == ["make site"] and commands(publish) == []
    assert site["steps"][-1] == {"uses": "actions/upload-pages-artifact@v4", "with": {"path": "build/site"}}


def test_no_job_has_a_right_that_it_does_not_need(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    rights = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert rights == {"publish": {"pages": "write", "id-token": "write"}}
    assert "pull_request_target" not in workflow[True] and "secrets." not in str(workflow)            # YAML 1.1 reads `on` as true
    assert workflow["concurrency"]["group"] and all(job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())


def test_actions_are_githubs_own_by_major_version(workflow):
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in used)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("system, python, folder, encoding", [("Windows_NT", "python", "Scripts", "1"), ("", "python3", "bin", "")])
def test_make_finds_programs_where_the_system_puts_them(system, python, folder, encoding, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    ours = "PYTHON", "MAKEFLAGS", "MAKELEVEL", "PYTHONUTF8"
    environment = {name: value for name, value in os.environ.items() if name not in ours} | {"OS": system}

    def said(*words):
        return subprocess.run(["make", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert f" PYTHON={python} " in said("help")
    lint = said("-n", "-o", ".venv/installed-dev", "lint").split("\n")
    assert lint[:3] == [f".venv/{folder}/python -m ruff check .", f".venv/{folder}/codespell", f".venv/{folder}/lint-imports"]
    (tmp_path / "other.mk").write_text("include Makefile\nsaid:\n\t@echo encoding=$$PYTHONUTF8\n")
    assert said("-f", "other.mk", "said") == f"encoding={encoding}\n"
