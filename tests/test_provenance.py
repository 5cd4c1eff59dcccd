"""What decides whether a kept result is still of today's code."""

from pathlib import Path

import grimp
import pytest

from simgan_lib.experiments import provenance
from simgan_lib.system.digests import bare_code

KIT = Path(provenance.__file__).parents[1]


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A small copy of the layout, whose digest is taken instead."""
    for name in ("losses.py", "system/files.py", "evaluation/gaze.py", "simulators/eyes.py", "figures/base.py", "__main__.py",
                 *provenance.FILES, "experiments/provenance.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "experiments" / "provenance.py"))
    return tmp_path


@pytest.mark.parametrize("name", ["losses.py", "system/files.py", "evaluation/gaze.py", "simulators/eyes.py", *provenance.FILES])
def test_code_that_results_depend_on_counts(kit, name):
    before = provenance.code_digest()
    (kit / name).write_text("x = 2\n")
    assert provenance.code_digest() != before


@pytest.mark.parametrize("name", ["figures/base.py", "__main__.py", "experiments/provenance.py"])
def test_code_that_shows_does_not(kit, name):
    before = provenance.code_digest()
    (kit / name).write_text("x = 2\n")
    assert provenance.code_digest() == before


@pytest.mark.parametrize("text", ["x = 1  # a remark\n", '"""What it says."""\n\nx = 1\n', "x  =  (1)\n"])
def test_words_and_layout_do_not_count(kit, text):
    before = provenance.code_digest()
    (kit / "losses.py").write_text(text)
    assert provenance.code_digest() == before


@pytest.mark.parametrize("name", ["base.py", "evaluation/base.py"])
def test_a_new_file_counts_whatever_it_is_called(kit, name):
    before = provenance.code_digest()
    (kit / name).write_text("x = 1\n")
    assert provenance.code_digest() != before


def test_more_folders_count_where_they_are_named(kit):
    (kit / "neighbours").mkdir()
    plain, before = provenance.code_digest(), provenance.code_digest("neighbours")
    (kit / "neighbours" / "new.py").write_text("x = 1\n")
    assert provenance.code_digest() == plain and provenance.code_digest("neighbours") != before


def test_a_word_in_code_is_no_docstring():
    assert bare_code('def f():\n    """Says."""\n    return """kept"""') == "def f():\n    return 'kept'"
    assert bare_code('def f():\n    """Says."""') == "def f():\n    pass"


def test_all_that_kept_stages_use_counts():
    """Followed along the imports: but for readers, whose images the fingerprint of the domain covers."""
    graph = grimp.build_graph("simgan_lib")
    counted = {".".join(("simgan_lib", *(Path(folder) / path.stem).parts)) for folder in provenance.FOLDERS
               for path in (KIT / folder).glob("[!_]*.py")}
    counted |= {"simgan_lib." + file.removesuffix(".py").replace("/", ".") for file in provenance.FILES}
    for stages in ("pipeline", "trial"):
        used = graph.find_upstream_modules(f"simgan_lib.experiments.{stages}")
        modules = {name for name in used if (KIT.parent / Path(*name.split("."))).with_suffix(".py").exists()}
        left = {name for name in modules - counted if not name.startswith("simgan_lib.datasets.")}
        # What a kept result is checked with makes no result.
        assert left <= {"simgan_lib.experiments.provenance", "simgan_lib.experiments.record_lines"}, left
