"""What a newcomer opens first: both programs of examples/, the README's lines of Python, and the links of README and docs."""

import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simgan_lib.images import ImageSet
from simgan_lib.simulators import camera, eyes
from simgan_lib.training import PRESETS, Training

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """The profile `quick`, made briefer: few updates of a narrow refiner."""
    monkeypatch.setitem(PRESETS, "quick", replace(PRESETS["quick"], steps=2, batch=4, width=4, refiner_warmup=2,
                                                  discriminator_warmup=1))


@pytest.fixture
def program(monkeypatch, capsys):
    """Runs a program of examples/ with these words  ->  (exit status, standard output, standard error)."""
    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        monkeypatch.setattr(sys, "path", list(sys.path))               # the program puts its own folder's parent there
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
        return ended.value.code, *capsys.readouterr()
    return run


def write_pictures(folder, names, size=(12, 16), seed=0):
    """Gray noise (height, width) under each name below the folder."""
    rng = np.random.default_rng(seed)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8)).save(folder / name)
    return folder


@pytest.fixture
def folders(tmp_path):
    return write_pictures(tmp_path / "mine", ["a.png", "b.jpg", "c/a.png"]), write_pictures(tmp_path / "real", ["x.png", "y.png"])


@pytest.mark.parametrize("name", ["refine_eyes.py", "refine_your_own.py"])
def test_a_program_is_one_screen_and_says_what_it_does(program, name):
    assert len((ROOT / "examples" / name).read_text(encoding="utf-8").splitlines()) <= 60
    status, said, _ = program(name, "--help")
    assert status == 0 and f"examples/{name}" in said and "--steps" in said


# ---- refine_eyes.py ----
@pytest.fixture
def few_eyes(monkeypatch):
    """Simulators that draw twelve eyes, however many are asked for."""
    for module, function in ((eyes, "simulate"), (camera, "stand_in")):
        draw = getattr(module, function)
        monkeypatch.setattr(module, function, lambda n, seed, draw=draw: draw(12, seed))


def test_eyes_are_simulated_refined_and_shown(program, tmp_path, few_eyes):
    status, said, _ = program("refine_eyes.py", "--steps", "3", "--picture", tmp_path / "new" / "eyes.png")
    assert status == 0 and "gaze" in said and "step 4 of 4, adversarial: discriminator" in said
    with Image.open(tmp_path / "new" / "eyes.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 30             # no empty sheet


@pytest.mark.parametrize("words, told", [(("--steps", "0"), "argument --steps: expected a whole number from 1"),
                                         (("--picture", "full/eyes.png"), "full/eyes.png: could not be written (Not a directory)")])
def test_eyes_that_cannot_be_refined_or_shown_end_in_one_line(program, tmp_path, monkeypatch, few_eyes, words, told):
    monkeypatch.chdir(tmp_path)
    Path("full").write_text("a file, and no folder")
    assert_one_line(program("refine_eyes.py", *words), told)


def assert_one_line(ended, told):
    status, _, error = ended
    assert status == 2 and error.startswith("error: ") and error.count("\n") == 1 and told in error, error


# ---- refine_your_own.py ----
def test_refined_pictures_have_the_names_sizes_and_kinds_of_the_simulated_ones(program, folders, tmp_path):
    out = tmp_path / "new" / "refined"
    status, said, _ = program("refine_your_own.py", *folders, out, "--steps", "2")
    assert status == 0 and f"3 refined pictures in {out}" in said
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == ["a.png", "b.jpg", "c/a.png"]
    pixels = {}
    for name in ("a.png", "b.jpg", "c/a.png"):
        with Image.open(out / name) as picture, Image.open(folders[0] / name) as source:
            assert (picture.size, picture.mode, picture.format) == (source.size, "L", source.format)
            pixels[name] = np.asarray(picture).astype(float), np.asarray(source).astype(float)
    # A refiner that has hardly learned blurs: each picture is still most like its own source.
    likeness = {one: max(pixels, key=lambda other: np.corrcoef(pixels[one][0].ravel(), pixels[other][1].ravel())[0, 1] ** 2)
                for one in pixels}
    assert likeness == {name: name for name in pixels}


def test_pictures_of_different_sizes_are_cut_to_one_that_is_named_and_may_keep_their_colours(program, folders, tmp_path):
    write_pictures(folders[1], ["z.png"], (40, 20))
    status, *_ = program("refine_your_own.py", *folders, tmp_path / "out", "--size", "10", "14", "--colour")
    with Image.open(tmp_path / "out" / "c" / "a.png") as picture:
        assert status == 0 and picture.size == (14, 10) and picture.mode == "RGB"


def a_missing_folder(mine, real):
    return (mine, real / "no"), "no: no such folder"


def no_pictures(mine, real):
    (real.parent / "empty").mkdir()
    return (mine, real.parent / "empty"), "empty: expected pictures, found no pictures (.png"


def different_sizes(mine, real):
    write_pictures(real, ["z.png"], (40, 20))
    return (mine, real), "found height, width [(12, 16), (40, 20)]"


def a_damaged_picture(mine, real):
    (mine / "z.png").write_bytes(b"no picture")
    return (mine, real), "mine: expected pictures that can all be used, found pictures of a folder: 3 of 4, 1 picture unreadable"


def nothing_but_damage(mine, real):
    for path in (*mine.rglob("*.*"), *real.rglob("*.*")):
        path.write_bytes(b"no picture")
    return (mine, real), "mine: none of the 3 records there can be used (3 picture unreadable: a.png, b.jpg, c/a.png)"


@pytest.mark.parametrize("bad", [a_missing_folder, no_pictures, different_sizes, a_damaged_picture, nothing_but_damage])
def test_bad_folders_end_in_one_line_before_anything_is_written(program, folders, tmp_path, bad):
    words, told = bad(*folders)
    assert_one_line(program("refine_your_own.py", *words, tmp_path / "out"), told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [("0", "16"), ("-3", "9"), ("6", "6")])
def test_a_size_that_is_none_ends_in_one_line(program, folders, tmp_path, size):
    ended = program("refine_your_own.py", *folders, tmp_path / "out", "--size", *size)
    assert_one_line(ended, "argument --size: expected a whole number from 8")


def test_a_folder_that_holds_something_is_not_written_to(program, folders):
    before = (folders[0] / "a.png").read_bytes()
    other = write_pictures(folders[0].parent / "other", ["x.png"])
    assert_one_line(program("refine_your_own.py", *folders, other), "other: could not be written: a folder with other files")
    for inside in (folders[0], folders[0] / "refined", folders[1] / "refined"):          # else it would be read the next time
        assert_one_line(program("refine_your_own.py", *folders, inside), "which is read")
    assert (folders[0] / "a.png").read_bytes() == before


def test_who_interrupts_is_told_that_it_begins_anew(program, folders, tmp_path, monkeypatch):
    def interrupted(run):
        raise KeyboardInterrupt
    monkeypatch.setattr(Training, "run", interrupted)
    status, _, error = program("refine_your_own.py", *folders, tmp_path / "out")
    assert status == 130 and error == "\nstopped; the same command begins anew\n"


# ---- README and docs ----
def test_the_readmes_python_runs_as_printed(tmp_path, monkeypatch):
    block, = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    write_pictures(Path("my_simulated"), ["a.png", "b.png"], (20, 30))
    write_pictures(Path("my_real"), ["x.jpg"], (50, 40))
    exec(compile(block, "README.md", "exec"), {})
    refined = ImageSet.load("my_refined")
    assert refined.images.shape == (2, 1, 35, 55) and refined.source.startswith("refined from: pictures of a folder: 2 of 2")


def test_the_readme_is_one_screen_and_names_both_programs():
    assert len(README.splitlines()) <= 120
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(re.findall(r"\(examples/(\w+\.py)\)", README))


def anchors(page):
    """What GitHub calls the headings of a page: small letters, - for a space, punctuation left out, -1 for the second of a name."""
    names = []
    for heading in re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        names.append(f"{name}-{names.count(name)}" if name in names else name)
    return names


def test_anchors_are_called_as_on_github():
    page = "# The `loss`, a [link](to)\n## Two words\n```\n# no heading\n```\n## Two words\n"
    assert anchors(page) == ["the-loss-a-link", "two-words", "two-words-1"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", link)]
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}: no such file"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page.name} links to {link}: no such heading"
