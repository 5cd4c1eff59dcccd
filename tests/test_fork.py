"""`make fork` writes the repository's place wherever it is named, in all of it or in none, and can be taken back."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import build
import fork
import jupytext
import nbformat
import pytest
import test_notebooks as rules
import yaml

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = "00_tour", "04_history_buffer"


def at(folder, monkeypatch):
    monkeypatch.setattr(fork, "ROOT", folder)
    monkeypatch.setattr(build, "FOLDER", folder / "notebooks")


@pytest.fixture(scope="module")
def unset(tmp_path_factory):
    """A copy of all that names the place, of two notebooks, without an owner."""
    folder = tmp_path_factory.mktemp("unset")
    names = [*fork.FILES, "notebooks/jupytext.toml", *(f"notebooks/{name}{end}" for name in NOTEBOOKS for end in (".py", ".ipynb"))]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        at(folder, patch)
        assert fork.main([fork.UNSET]) == 0
    return folder


@pytest.fixture
def kit(unset, tmp_path, monkeypatch):
    at(tmp_path / "kit", monkeypatch)
    return Path(shutil.copytree(unset, tmp_path / "kit"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def test_without_an_owner_there_is_no_badge_and_no_address(kit):
    text = "".join(contents(kit).values())
    assert "colab-badge" not in text and "github.io" not in text and "Here it is" not in text
    assert set(re.findall(r"github\.com/\w*/simgan-kit", text)) == {"github.com/OWNER_UNSET/simgan-kit"}


def test_a_fork_names_its_owner_everywhere_and_nobody_else(kit, capsys):
    before = contents(kit)
    assert fork.main(["some-one"]) == 0 and "https://github.com/some-one/simgan-kit" in capsys.readouterr().out
    after = contents(kit)
    written = {*fork.FILES} | {f"notebooks/{name}{end}" for name in NOTEBOOKS for end in (".py", ".ipynb")}
    assert {name for name in after if after[name] != before.get(name)} == written
    for name in written:
        assert "some-one" in after[name] and "OWNER_UNSET" not in after[name], name
    cited = yaml.safe_load(after["CITATION.cff"])
    assert (cited["repository-code"], cited["url"]) == ("https://github.com/some-one/simgan-kit", "https://some-one.github.io/simgan-kit/")
    assert len(cited["references"]) == 2
    for name in NOTEBOOKS:
        lines = after[f"notebooks/{name}.py"].splitlines()
        assert lines[3].endswith(f"(https://colab.research.google.com/github/some-one/simgan-kit/blob/main/notebooks/{name}.ipynb)")
        assert lines[4].endswith(f"(https://some-one.github.io/simgan-kit/notebooks/{name}.html)") and lines[5] == "#"
        assert '    kit = "git+https://github.com/some-one/simgan-kit"' in lines


def test_the_addresses_are_those_of_the_package(kit):
    tomllib = pytest.importorskip("tomllib", reason="pyproject.toml is read with Python 3.11 or later")
    before = tomllib.loads(contents(kit)["pyproject.toml"])
    assert "urls" not in before["project"] and fork.main(["some-one", "eyes"]) == 0
    after = tomllib.loads(contents(kit)["pyproject.toml"])
    assert after["project"].pop("urls") == {"Repository": "https://github.com/some-one/eyes",
                                            "Documentation": "https://some-one.github.io/eyes/"}
    assert after == before


def test_a_fork_of_a_fork_and_the_way_back(kit):
    before, made = contents(kit), {}
    for owner in ("some-one", "other", "some-one"):
        for _ in range(2):                                       # the second time changes nothing
            assert fork.main([owner, "eyes.kit"]) == 0
            assert made.setdefault(owner, contents(kit)) == contents(kit)
    assert fork.main([fork.UNSET]) == 0 and contents(kit) == before


def test_outputs_stay_and_are_not_called_stale(kit):
    def outputs():
        return {name: [cell.get("outputs") for cell in json.loads(text)["cells"]]
                for name, text in contents(kit).items() if name.endswith(".ipynb")}
    before = outputs()
    assert fork.main(["some-one"]) == 0 and outputs() == before
    assert [build.problems(path) for path in build.scripts()] == [[], []]


@pytest.mark.parametrize("owner", ["some-one", fork.UNSET])
def test_the_rules_of_notebooks_hold_with_and_without_an_owner(owner, kit, monkeypatch):
    assert fork.main([owner, "eyes"]) == 0
    repository = re.search('^REPOSITORY = "(.*)"$', contents(kit)["simgan_lib/teaching/notebook.py"], re.MULTILINE).group(1)
    assert repository == f"{owner}/eyes"
    monkeypatch.setattr(rules, "REPOSITORY", repository)
    monkeypatch.setattr(rules, "SCRIPTS", build.scripts())
    for path in build.scripts():
        rules.test_script_and_notebook_are_in_step_and_outputs_fresh(path)
        rules.test_first_cells(path)
        rules.test_setup_cells(path)
        rules.test_nothing_moves_what_is_installed_or_global(path)
    monkeypatch.setattr(rules, "REPOSITORY", "another/eyes")                     # these rules can fail
    for rule in (rules.test_first_cells, rules.test_setup_cells):
        with pytest.raises(AssertionError):
            rule(path)


@pytest.mark.parametrize("owner", ["", "-a", "a-", "a--b", "a_b", "a.b", "a/b", "a b", "a\n", "é", "a" * 40, "$(ls)"])
def test_a_name_that_cannot_be_is_refused_and_nothing_written(owner, kit, capsys):
    before = contents(kit)
    assert fork.main(["--", owner]) == 2 and contents(kit) == before
    said = capsys.readouterr().err
    assert said.startswith("OWNER: expected a name on GitHub") and repr(owner) in said and len(said.splitlines()) == 1


@pytest.mark.parametrize("repo", ["", ".", "..", "a.git", "a b", "a/b", "a\n", "a" * 101])
def test_so_is_a_repository(repo, kit, capsys):
    before = contents(kit)
    assert fork.main(["some-one", repo]) == 2 and contents(kit) == before
    assert capsys.readouterr().err.startswith("REPO: expected")


@pytest.mark.parametrize("owner, repo", [("a", "a"), ("A1-b2-C3", ".github"), ("a" * 39, "a" * 100), ("0", "x_y.z-1")])
def test_what_github_allows_is_allowed(owner, repo):
    assert fork.place(owner, repo) == (owner, repo)


def test_a_repository_named_as_the_site_is_served_at_its_root():
    assert fork.place("Some-One", "some-one.github.io").site == "https://Some-One.github.io/"
    assert fork.place("Some-One", "other.github.io").site == "https://Some-One.github.io/other.github.io/"


def test_a_notebook_whose_outputs_are_of_other_code_is_named_and_nothing_written(kit, capsys):
    script = kit / "notebooks" / f"{NOTEBOOKS[1]}.py"
    script.write_text(script.read_text(encoding="utf-8").replace("import torch", "import torch  # mine", 1), encoding="utf-8")
    before = contents(kit)
    assert fork.main(["some-one"]) == 2 and contents(kit) == before
    assert f"{NOTEBOOKS[1]}.ipynb" in (said := capsys.readouterr().err) and "build.py 04" in said


@pytest.mark.parametrize("name, found", [("README.md", "make site"), ("pyproject.toml", "[project.scripts]"),
                                         ("CITATION.cff", "\nlicense:"), ("notebooks/00_tour.py", "\n# # ")])
def test_a_file_that_has_no_place_for_it_is_named_and_nothing_written(name, found, kit, capsys):
    path = kit / name
    path.write_text(path.read_text(encoding="utf-8").replace(found, found.upper().replace("# #", "# ##")), encoding="utf-8")
    before = contents(kit)
    assert fork.main(["some-one"]) == 2 and contents(kit) == before
    assert capsys.readouterr().err.startswith(f"{Path(name).name}: expected one place")


@pytest.fixture(scope="module")
def made():
    return fork.forked(fork.place("some-one", "eyes"))


def test_every_notebook_of_the_kit_can_be_forked(made):
    scripts = build.scripts()
    both = {path.with_suffix(end) for path in scripts for end in (".py", ".ipynb")}
    assert set(made) == {ROOT / name for name in fork.FILES} | both
    for path in scripts:
        script, notebook = jupytext.reads(made[path], "py:percent"), nbformat.reads(made[path.with_suffix(".ipynb")], as_version=4)
        assert build.described(script) == build.described(notebook)
        assert notebook.metadata.simgan["code_sha256"] == build.digests(script)["code_sha256"]


def test_no_other_file_names_the_place(made):
    """Else it would keep the old one."""
    owner = rules.REPOSITORY.split("/")[0]
    asked = ["git", "grep", "-l", "-i", "-F", "-e", rules.REPOSITORY, "-e", f"{owner}.github.io"]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    if found.returncode not in (0, 1):
        pytest.skip("not a git checkout")
    known = {path.relative_to(ROOT).as_posix() for path in made}
    assert set(found.stdout.split()) - known <= {"tests/test_fork.py"} and "notebooks/00_tour.py" in found.stdout


@pytest.mark.skipif(shutil.which("make") is None or os.name == "nt", reason="no make here, or no shell's script for a program")
@pytest.mark.parametrize("words, expected", [
    (["OWNER=some-one"], "[some-one]"), (["OWNER=some-one", "REPO=eyes"], "[some-one][eyes]"), ([], "[]"),
    (["OWNER=a'; echo b"], "[a'; echo b]")])
def test_make_hands_the_names_over_as_they_are(words, expected, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nshift\nfor word; do printf "[%s]" "$word"; done\n')
    python.chmod(0o755)
    ours = "OWNER", "REPO", "MAKEFLAGS", "MAKELEVEL", "OS"
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    said = subprocess.run(["make", "-s", "-o", ".venv/installed-dev", "fork", *words], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, check=True)
    assert said.stdout == expected
