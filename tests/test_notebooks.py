"""What every notebook promises: its form, its exercises, and that what it shows is what the library does.

Whether the notebooks run, and still print what they printed, is nbval's to say.
"""

import ast
import importlib
import re
import shutil
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import build
import fork
import nbformat
import pytest
import torch
from jupytext import TextFileContentsManager
from nbval.plugin import get_sanitize_patterns
from traitlets.config import PyFileConfigLoader

from simgan_lib.evaluation.turing import Trials
from simgan_lib.figures import html_image
from simgan_lib.teaching import checks
from simgan_lib.teaching.notebook import REPOSITORY, seeded
from simgan_lib.teaching.widgets import enlarged

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = build.scripts()
LESSONS = [path for path in SCRIPTS if not path.name.startswith("00")]       # the tour has a shorter text
SHOWN = re.compile(r"# the library's: (\S+)")
EXERCISE = re.compile(r"^### Exercise (\d+\.\d) · .+ \(\d+ minutes\)$", re.MULTILINE)
SOLUTION = re.compile(r"<details><summary>Solution</summary>\s+```python\n(.*?)```", re.DOTALL)
PATCHES = 2, 2, 9, 14
PREDICTION = "✎ *Your prediction (double-click to write):*"


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


def cells_of(path, kind):
    return [cell.source for cell in build.read_script(path).cells if cell.cell_type == kind]


def built(path):
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


# ---- The two files ---------------------------------------------------------------------------------------------------

@each(SCRIPTS)
def test_script_and_notebook_are_in_step_and_outputs_fresh(path):
    assert build.problems(path) == []


def test_every_notebook_has_its_script():
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == {path.stem for path in SCRIPTS}


def test_a_changed_cell_makes_outputs_stale(tmp_path):
    """The test above can fail."""
    source = SCRIPTS[0]
    copy = tmp_path / source.name
    copy.write_text(source.read_text().replace("import torch", "import torch  # changed", 1))
    copy.with_suffix(".ipynb").write_bytes(source.with_suffix(".ipynb").read_bytes())
    assert len(build.problems(copy)) == 2


def copied(path, folder):
    """The two files of a notebook in a folder of their own, with Jupytext's settings  ->  the script."""
    folder.mkdir()
    for each_ in (path, path.with_suffix(".ipynb"), path.with_name("jupytext.toml")):
        shutil.copy2(each_, folder)
    return folder / path.name


def saved_in_jupyter(script, root, edit=lambda content: None):
    """Open the notebook as Jupyter does, with `make lab`'s setting, let it note what it notes, edit, save."""
    settings = PyFileConfigLoader("jupyter_server_config.py", str(ROOT / "notebooks")).load_config()
    manager = TextFileContentsManager(root_dir=str(root), config=settings)
    name = script.with_suffix(".ipynb").relative_to(root).as_posix()
    content = manager.get(name)["content"]
    content["metadata"]["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    content["metadata"]["language_info"] |= {"version": "3.99", "mimetype": "text/x-python"}
    edit(content)
    manager.save({"type": "notebook", "format": "json", "content": content}, name)


@each(SCRIPTS)
def test_opening_and_saving_in_jupyter_changes_neither_file(path, tmp_path):
    script = copied(path, tmp_path / "notebooks")
    saved_in_jupyter(script, script.parent)
    assert script.read_text() == path.read_text()
    assert script.with_suffix(".ipynb").read_text() == path.with_suffix(".ipynb").read_text()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A script and the notebook built from it; nothing is run."""
    monkeypatch.setattr(build, "run", lambda notebook: None)
    script = tmp_path / "notebooks" / "01_tiny.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "notebooks" / "jupytext.toml", script.parent)
    script.write_text("# %% [markdown]\n# A text.\n\n# %%\na = 1\n\n# %%\nb = 2\n")
    build.build(script)
    return script


def write_into(script, index, source):
    """Edit the notebook alone, as an editor does that knows nothing of scripts."""
    notebook = built(script)
    notebook.cells[index].source = source
    nbformat.write(notebook, script.with_suffix(".ipynb"))


@pytest.mark.parametrize("root", ["notebooks", "."])
def test_an_edit_in_jupyter_reaches_the_script_from_either_root(root, tiny):
    saved_in_jupyter(tiny, tiny.parents[1] / root, lambda content: content["cells"][0].update(source="Another text."))
    assert "# Another text.\n" in tiny.read_text() and build.problems(tiny) == []
    tiny.write_text(tiny.read_text() + "c = 3\n")               # and then one in a text editor: nothing is lost
    build.build(tiny)
    assert [cell.source for cell in built(tiny).cells] == ["Another text.", "a = 1", "b = 2\nc = 3"]


@pytest.mark.parametrize("index, source", [(0, "My text."), (2, "b = 3")])
def test_a_build_does_not_lose_what_was_edited_in_the_notebook_alone(index, source, tiny, capsys, monkeypatch):
    monkeypatch.setattr(build, "FOLDER", tiny.parent)
    write_into(tiny, index, source)
    tiny.write_text(tiny.read_text().replace("a = 1", "a = 10"))            # the script is newer, and lacks it all the same
    edited = tiny.with_suffix(".ipynb").read_bytes()
    assert build.main(["01"]) == 1 and tiny.with_suffix(".ipynb").read_bytes() == edited
    assert repr(source) in (said := capsys.readouterr().out) and "01_tiny.py lacks" in said and "--force" in said
    assert build.main(["01", "--force"]) == 0 and built(tiny).cells[1].source == "a = 10"


def test_a_build_does_not_lose_a_new_order_of_cells(tiny):
    notebook = built(tiny)
    notebook.cells.reverse()
    nbformat.write(notebook, tiny.with_suffix(".ipynb"))
    with pytest.raises(build.Refused, match="lacks the order"):
        build.build(tiny)


def test_a_notebook_that_nobody_edited_is_built_anew(tiny):
    tiny.write_text(tiny.read_text().replace("A text.", "A new text.").replace("b = 2", "b = 20"))
    build.build(tiny)
    assert [cell.source for cell in built(tiny).cells] == ["A new text.", "a = 1", "b = 20"]


def test_a_notebook_with_marks_of_a_merge_is_named(tiny, capsys, monkeypatch):
    monkeypatch.setattr(build, "FOLDER", tiny.parent)
    tiny.with_suffix(".ipynb").write_text("<<<<<<< ours\n")
    assert build.main(["--check"]) == build.main([]) == 1
    assert capsys.readouterr().out.count("01_tiny.ipynb cannot be read") == 2
    assert build.main(["--force"]) == 0


# ---- Form ------------------------------------------------------------------------------------------------------------

class Alternatives(HTMLParser):
    """What the images of a page say to who cannot see them."""

    def __init__(self, page):
        super().__init__()
        self.said = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.said.append(dict(attributes).get("alt", ""))


def alternatives(output):
    """The alternative texts of the images in an output."""
    return Alternatives(output.get("data", {}).get("text/html", "")).said


@each(SCRIPTS)
def test_first_cells(path):
    title, table = cells_of(path, "markdown")[:2]
    assert re.match(r"# \S", title)
    there = fork.place(*REPOSITORY.split("/"))
    badges = [f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/notebooks/{path.stem}.ipynb",
              f"{there.site}notebooks/{path.stem}.html"]
    assert re.findall(r"^\[!\[.+\]\((.+)\)$", title, re.MULTILINE) == badges * there.published, "make fork writes them"
    assert "Next: " in title and (path == SCRIPTS[0] or "Previous: " in title)
    for row in ("You will be able to", "You need", "Time", "Data"):
        assert f"| **{row}** |" in table
    assert len(re.findall(r"\*[a-z]+\*", table.split("| **You need**")[0])) == 3                # three verbs


@each(SCRIPTS)
def test_setup_cells(path):
    install, setup = cells_of(path, "code")[:2]
    assert install == cells_of(SCRIPTS[0], "code")[0] and "--no-deps" in install
    assert f'"git+https://github.com/{REPOSITORY}"' in install
    assert setup.startswith("# NBVAL_IGNORE_OUTPUT\n") and "setup()" in setup
    assert len([line for line in setup.splitlines()[1:] if line]) <= 6


@each(SCRIPTS)
def test_cells_are_short(path):
    for source in cells_of(path, "code"):
        assert len(source.splitlines()) <= build.MOST_LINES, source.splitlines()[0]
        if SHOWN.search(source):
            assert len([line for line in source.splitlines() if line.strip() and not SHOWN.search(line)]) <= 22


@each(SCRIPTS)
def test_nothing_moves_what_is_installed_or_global(path):
    code = "\n".join(cells_of(path, "code"))
    assert not re.search(r"pip install|[!%]pip|\"torch[=\"]", code)
    assert "manual_seed(" not in re.sub(r"Generator\([^)]*\)\.manual_seed", "", code), "use seeded()"
    assert "pyplot" not in code and "import *" not in code and "@interact" not in code


@each(SCRIPTS)
def test_outputs(path):
    notebook = built(path)
    assert build.output_bytes(notebook) <= build.MOST_BYTES
    assert "widgets" not in notebook.metadata and "/home/" not in nbformat.writes(notebook)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any(alternatives(output) for output in outputs)
    for output in outputs:
        assert output.output_type != "error" and output.get("name") != "stderr"
        assert sum(len(line) > 90 for line in output.get("text", "").splitlines()) < 4, "long lines wrap on a phone: with wide()"
        assert build.WIDGET not in output.get("data", {})
        assert "image/png" not in output.get("data", {}), "JupyterLab and saved pages show it without its alternative text"
        for alternative in alternatives(output):
            assert len(alternative) > 20 and alternative == output.data["text/plain"].strip("'")


def test_what_a_figure_says_is_compared_and_its_pixels_are_not():
    def compared(image, sentence):
        text = html_image(image, sentence)
        for pattern, instead in get_sanitize_patterns((ROOT / "notebooks" / "nbval.cfg").read_text(encoding="utf-8")):
            text = re.sub(pattern, instead, text)
        return text
    white, black = (enlarged(torch.full((1, 9, 9), level, dtype=torch.uint8), 5) for level in (255, 0))
    assert white != black and compared(white, "Off by ≈3.1 px.") == compared(black, "Off by ≈ 4.25 px.")
    assert compared(white, "Off by 3.1 px.") != compared(white, "Off by 4.2 px.")


@each(SCRIPTS)
def test_beside_every_figure_something_is_asserted_or_printed(path):
    """Tests compare no pictures: the cell of a figure, or the next one, must say something that can be compared."""
    code = [cell for cell in built(path).cells if cell.cell_type == "code"]
    for cell, after in zip(code, [*code[1:], code[-1]]):
        if any(alternatives(output) for output in cell.outputs):
            assert re.search(r"\bassert\b|\bprint\(", cell.source + after.source), cell.source.splitlines()[0]


@each(SCRIPTS)
def test_links_between_files_resolve(path):
    text = "\n".join(cells_of(path, "markdown"))
    for target in re.findall(r"\]\(([^)#:\s]+)\)", text):
        assert (path.parent / target).exists(), target


@each(LESSONS)
def test_a_lesson_predicts_fails_claims_and_cites(path):
    text = "\n".join(cells_of(path, "markdown"))
    for part in ("**Predict", "<summary>What happens</summary>", "## What goes wrong", "## Three claims", "## Going further",
                 "## References", "| | paper | here | deviation |", "**30 minutes", "**3 hours", "**Open"):
        assert part in text, part
    assert "https://doi.org/10." in text
    assert len(re.findall(r"^\d\. ", text.split("## Three claims")[1].split("| | paper")[0], re.MULTILINE)) == 3
    assert 700 <= len(re.sub(r"```.*?```", "", text, flags=re.DOTALL).split()) <= 2600                  # words, not code


@each(SCRIPTS)
def test_a_prediction_has_a_cell_to_write_it_in_and_what_happens_stands_below(path):
    cells = build.read_script(path).cells
    asked = [i for i, cell in enumerate(cells) if cell.cell_type == "markdown" and "**Predict" in cell.source]
    for i, following in zip(asked, [*asked[1:], len(cells)]):
        question = cells[i].source.split("**Predict")[1]
        assert question.startswith(".**") and "?" in question and "###" not in question, question
        assert cells[i + 1].source == PREDICTION, question
        run = next(k for k in range(i + 2, following) if cells[k].cell_type == "code")
        below = [cell.source for cell in cells[run:following] if cell.cell_type == "markdown"]
        assert any("<summary>What happens" in text for text in below), question


# ---- What is shown is what the library does --------------------------------------------------------------------------

def harmless(statement):
    """Imports, definitions, constants and the outcome of exercises: what a later definition may lean on."""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
        return True
    value = statement.value if isinstance(statement, ast.Assign) else None
    return is_constant(value) or (value is not None and "yours_or_ours" in ast.dump(value))


def is_constant(value):
    try:
        return value is not None and ast.literal_eval(value) is not None
    except ValueError:
        return False


def definitions(cells):
    """The namespace that these cells leave, of what is `harmless` in them."""
    names = {"__name__": "shown"}
    for statement in (statement for source in cells for statement in ast.parse(source).body if harmless(statement)):
        with suppress(NameError):                  # what leans on the outcome of a run is of no use here
            exec(compile(ast.Module([statement], []), "<cells>", "exec"), names)
    return names


def shown(path):
    """[(definition's name, what the library has under the given name, namespace)] of a notebook."""
    cells, found = cells_of(path, "code"), []
    for i, source in enumerate(cells):
        for name in SHOWN.findall(source):
            module, _, attribute = name.rpartition(".")
            found.append((attribute, getattr(importlib.import_module(module), attribute), definitions(cells[:i + 1])))
    return found


def drawn(*shape):
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1


def scenario(name):
    """What to do with a definition so that two of the same name can be compared  ->  tensors."""
    def network(make, size):
        with seeded(0) as generator:
            return [make()(2 * torch.rand(2, *size, generator=generator) - 1)]
    return {"ResidualBlock": lambda make: network(lambda: make(4), (4, 6, 7)),
            "PatchDiscriminator": lambda make: network(make, (1, 35, 55)),
            "GlobalDiscriminator": lambda make: network(make, (1, 35, 55)),
            "equalised": lambda f: [f((40 + 20 * drawn(3, 1, 35, 55)).clamp(0, 255).to(torch.uint8))],
            "local_adversarial_loss": lambda f: [f(drawn(*PATCHES), label) for label in (0, 1)]}.get(name)


def agree(name, mine, theirs):
    """The exercise's check where there is one, else the same tensors from the same inputs."""
    check = getattr(checks, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(), None)
    if check is not None:
        check(mine)
    else:
        run = scenario(name)
        assert run is not None, f"no check and no scenario for {name}: add one"
        for a, b in zip(run(mine), run(theirs), strict=True):
            torch.testing.assert_close(a, b)


@each(SCRIPTS)
def test_definitions_shown_agree_with_the_library(path):
    for name, theirs, names in shown(path):
        agree(name, names[name], theirs)


def test_some_definition_is_shown():
    assert sum(len(shown(path)) for path in SCRIPTS) >= 3


def test_a_shown_definition_that_differs_is_noticed():
    from simgan_lib.losses import local_adversarial_loss
    with pytest.raises(AssertionError):
        agree("local_adversarial_loss", lambda logits, label: local_adversarial_loss(logits, label) / 126, local_adversarial_loss)


def test_a_second_judge_begins_anew_and_the_first_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lesson, = (path for path in SCRIPTS if path.name.startswith("10"))
    names, trials = definitions(cells_of(lesson, "code")), Trials(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.ones(4) > 0)
    names["answers_to"](trials).enter("rs")
    names["SUBJECT"] = "somebody else"
    assert names["answers_to"](trials).place == 0
    names["answers_to"](trials).enter("s")
    names["SUBJECT"] = "you"
    assert names["answers_to"](trials).answers == "rs"
    assert len(list((tmp_path / "results" / "turing").iterdir())) == 2        # beside the notebook: Lab and Colab show it


# ---- Exercises -------------------------------------------------------------------------------------------------------

def exercises(path):
    """[(number, stub, check cell, solution, code before)]: the parts of each exercise, in the order of the template."""
    cells = build.read_script(path).cells
    found, before = [], []
    for i, cell in enumerate(cells):
        if cell.cell_type == "code":
            before.append(cell.source)
            continue
        for number in EXERCISE.findall(cell.source):
            assert "<details><summary>Hint</summary>" in cell.source.split(f"Exercise {number}")[1], f"{number}: a hint"
            kinds = [following.cell_type for following in cells[i + 1:i + 4]]
            assert kinds == ["code", "code", "markdown"], f"{number}: stub, check, solution"
            stub, check, after = (following.source for following in cells[i + 1:i + 4])
            solution = SOLUTION.match(after)
            assert solution, f"{number}: the solution comes next"
            found.append((number, stub, check, solution.group(1), list(before)))
    return found


@each(SCRIPTS)
def test_a_check_that_is_called_to_be_shown_has_a_seed(path):
    """Its inputs are random, and its message ends with their seed: without one the output would be another one each time."""
    assert all("seed=" in call for call in re.findall(r"checks\.[a-z_]+\([^)]*\)", path.read_text(encoding="utf-8"))
               if "yours_or_ours" not in call)


@each(SCRIPTS)
def test_a_notebook_has_exercises(path):
    numbers = [number for number, *_ in exercises(path)]
    assert numbers == [f"{int(path.name[:2])}.{i + 1}" for i in range(len(numbers))] and 1 <= len(numbers) <= 4


@each(SCRIPTS)
def test_a_solution_is_its_stub_but_for_the_marked_lines(path):
    for number, stub, _, solution, _ in exercises(path):
        kept = [line for line in stub.splitlines() if line.strip() and "# your code" not in line]
        assert "# your code" in stub and "..." in stub, number
        remaining = iter([line for line in solution.splitlines() if line.strip()])
        assert all(line in remaining for line in kept), f"{number}: a line of the stub is not in the solution, in its place"


@each(SCRIPTS)
def test_a_stub_is_open_and_its_solution_passes(path):
    for number, stub, check, solution, before in exercises(path):
        call = next(node for node in ast.walk(ast.parse(check)) if isinstance(node, ast.Call)
                    and ast.unparse(node.func).endswith("yours_or_ours"))
        assert len(call.args) == 2, f"{number}: the library's answer is named in the cell of the check"
        mine, judge = ast.unparse(call.args[0]), getattr(checks, ast.unparse(call.args[1]).removeprefix("checks."))
        with pytest.raises(checks.Open):
            judge(definitions([*before, stub])[mine])
        judge(definitions([*before, solution])[mine])
        assert number in "".join(cells_of(path, "markdown"))
