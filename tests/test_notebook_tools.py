"""What every notebook leans on: profile and device, scoped randomness, figures with alternative text, progress."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
import torch

from simgan_lib import figures
from simgan_lib.system.errors import UserError
from simgan_lib.teaching import notebook

ROOT = Path(__file__).resolve().parents[1]


def test_setup_takes_the_profile_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("SIMGAN_PROFILE", "full")
    assert notebook.setup().profile == "full" and notebook.setup("quick").profile == "quick"
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("profile full") and "torch" in line and "kit" in line
    monkeypatch.delenv("SIMGAN_PROFILE")
    assert notebook.setup() == ("quick", torch.device("cpu"))


def test_setup_refuses_an_unknown_profile(monkeypatch):
    monkeypatch.setenv("SIMGAN_PROFILE", "fast")
    with pytest.raises(UserError, match="expected one of quick, full, paper, found 'fast'"):
        notebook.setup()


def test_setup_names_the_packages_that_are_missing(monkeypatch):
    monkeypatch.setattr(notebook, "NEEDED", {"no_such_module": "no-such-package"})
    with pytest.raises(UserError, match="pip install no-such-package"):
        notebook.setup("quick")


def test_a_cell_above_does_not_change_the_figure_below():
    with notebook.seeded(7) as generator:
        first = torch.rand(3), torch.rand(3, generator=generator)
    torch.rand(100)                                                    # the new cell
    before = torch.random.get_rng_state()
    with notebook.seeded(7) as generator:
        second = torch.rand(3), torch.rand(3, generator=generator)
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_figure_is_shown_with_its_alternative_text(monkeypatch):
    shown = {}
    monkeypatch.setattr(notebook, "display", lambda data, raw: shown.update(data))
    notebook.show(figures.canvas()[0], 'Less than nothing: -1 < "0".')
    assert set(shown) == {"text/html", "text/plain"} and shown["text/plain"] == 'Less than nothing: -1 < "0".'
    assert 'alt="Less than nothing: -1 &lt; &quot;0&quot;."' in shown["text/html"]
    assert 'width="330" height="253"' in shown["text/html"]


def test_long_lines_are_kept_whole_for_a_page_that_scrolls(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda data, raw: shown.append(data))
    with pytest.raises(ZeroDivisionError), notebook.wide():
        print("a  <b", "c", sep="\n")
        print(1 / 0)
    assert shown[0]["text/plain"] == "a  <b\nc" and ">a  &lt;b\nc</pre>" in shown[0]["text/html"]
    assert "white-space: pre;" in shown[0]["text/html"] and capsys.readouterr().out == ""


def test_progress_passes_everything_on():
    assert list(notebook.progress(iter("abc"), "letters", total=3)) == ["a", "b", "c"]


@pytest.fixture
def bar_at(monkeypatch):
    """What a progress bar of ten steps shows after each of its first steps: (value, label).  Given: when they end, seconds."""
    def shown(*ends):
        clock, (box, seen) = iter([0.0, *ends]), ([], [])
        monkeypatch.setattr(notebook.time, "perf_counter", lambda: next(clock))
        monkeypatch.setattr(notebook, "show_widget", lambda widget, alternative: box.append(widget))
        steps = notebook.progress(range(10), "training")
        for _ in range(len(ends) + 1):
            next(steps, None)
            bar, label = box[0].children
            seen.append((bar.value, label.value))
        return seen[1:]
    return shown


def test_progress_says_how_much_time_is_left(bar_at):
    seen = bar_at(*(4.0 * i for i in range(1, 10)), 41.0)
    assert seen[4] == (5, "5 of 10, 20 s left") and seen[9] == (10, "41 s")


def test_progress_skips_updates_that_nobody_could_see(bar_at):
    first, second, third = bar_at(1.0, 1.0 + notebook.EVERY / 2, 1.0 + 2 * notebook.EVERY)
    assert first == second == (1, "1 of 10, 9 s left") and third[0] == 3


def test_the_benchmark_of_the_notebooks_begins_elsewhere_and_in_the_other_format(tmp_path):
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "benchmarks" / "notebooks.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    cells = ["import torch\nfrom simgan_lib.system import device\n"
             "ones = torch.ones(3)\noptimizer = torch.optim.SGD([ones], lr=0.1)",
             "assert not device.cpu_has_bf16() and bool(((ones - 1).abs() < 0.01).all())",
             "assert bool((ones == 1).all())"]
    tiny = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell, execution_count=i) for i, cell in enumerate(cells)])
    nbformat.write(tiny, tmp_path / "01_tiny.ipynb")
    (name, (seconds, failed)), = benchmark.run([tmp_path / "01_tiny.ipynb"], plain=True, seed=1, jobs=1).items()
    assert name == "01_tiny" and seconds > 0 and list(failed) == ["Cell 2"] and "AssertionError" in failed["Cell 2"]
