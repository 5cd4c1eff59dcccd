"""What every command that writes has in common: it asks its place before it works, and is told in one line if it may not."""

import ast
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import test_cli
import torch
from test_cli import refused, run

from simgan_lib.__main__ import main
from simgan_lib.images import ImageSet
from simgan_lib.networks import Refiner
from simgan_lib.simulators import eyes
from simgan_lib.system import device, image_sets
from simgan_lib.system.checkpoints import save_module
from simgan_lib.system.errors import exit_status
from simgan_lib.system.places import claimed
from simgan_lib.training import Training

ROOT = Path(__file__).parents[1]
TINY = [word for value in "steps=2 refiner_warmup=1 discriminator_warmup=1 width=2 blocks=0 batch=2 buffer=4".split()
        for word in ("--set", value)]
FILES = {                         # commands that write a file OUT; the first word: which program
    "train": ("kit", "train", "S", "S", "OUT", *TINY), "a record": ("kit", "reproduce", "--record", "OUT"),
    "gaze records": ("kit", "gaze-table", "--records", "OUT"), "ablation records": ("kit", "ablate", "--records", "OUT"),
    "a sheet": ("mpiigaze", "verify", "release", "--sheet", "OUT"), "a picture": ("examples/refine_eyes.py", "--picture", "OUT")}
FOLDERS = {                       # and those that write a folder
    "simulate": ("kit", "simulate", "OUT"), "refine": ("kit", "refine", "r.safetensors", "S", "OUT"),
    "convert": ("mpiigaze", "convert", "release", "OUT"),
    "pictures": ("examples/refine_your_own.py", "pictures", "pictures", "OUT"),
    "reproduce": ("kit", "reproduce", "--results", "OUT"), "gaze-table": ("kit", "gaze-table", "--results", "OUT"),
    "ablate": ("kit", "ablate", "--results", "OUT"), "ship": ("kit", "ship", "gray", "--results", "OUT")}


def a_set(folder, n=20):
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 1, 14, 14), generator=generator, dtype=torch.uint8)
    ImageSet(images, {"gaze": torch.rand(n, 2, generator=generator)}).save(folder)


def a_refiner(path, seed=0, **more):
    torch.manual_seed(seed)
    save_module(path, Refiner(1, 4, 1), {"channels": 1, "width": 4, "blocks": 1, **more})


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a_set("S")
    a_refiner("r.safetensors")
    Path("f").write_text("a file")
    Path("d").mkdir()
    Path("d", "mine").write_text("years of work")
    os.mkfifo("p")
    return tmp_path


@pytest.fixture
def idle(here, monkeypatch):
    """Whoever begins to work fails."""
    def work(*_, **__):
        raise AssertionError("the work began")
    test_cli.write_eyes(here / "release" / "p00", days=1, n=2)
    Path("pictures").mkdir()
    shutil.copy(ROOT / "docs" / "examples.png", "pictures")
    for owner, name in ((eyes, "render"), (Training, "run"), (np, "savez")):
        monkeypatch.setattr(owner, name, work)
    return here


def given(words, out, capsys, monkeypatch):
    """The one line of a command that is refused."""
    program, *words = (str(out) if word == "OUT" else word for word in words)
    if program == "kit":
        return refused(capsys, *words)
    monkeypatch.setattr(sys, "path", [str(ROOT / "data_scripts"), *sys.path])
    monkeypatch.setattr(sys, "argv", [program, *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / program if "/" in program else ROOT / "data_scripts" / f"{program}.py"), run_name="__main__")
    said, = test_cli.without_bars(capsys.readouterr().err)
    assert ended.value.code == 2 and said.startswith("error: ")
    return said


@pytest.mark.parametrize("out", ["d", "p", "x" * 300, "f/below"])
@pytest.mark.parametrize("command", FILES)
def test_a_file_that_cannot_be_written_is_told_before_the_work(command, out, idle, capsys, monkeypatch):
    before = sorted(idle.rglob("*"))
    assert "could not be" in given(FILES[command], out, capsys, monkeypatch)
    assert sorted(idle.rglob("*")) == before


@pytest.mark.parametrize("out", ["f", "p", "x" * 300, "f/below"])
@pytest.mark.parametrize("command", FOLDERS)
def test_a_folder_that_cannot_be_written_is_told_before_the_work(command, out, idle, capsys, monkeypatch):
    before = sorted(idle.rglob("*"))
    assert "could not be written" in given(FOLDERS[command], out, capsys, monkeypatch)
    assert sorted(idle.rglob("*")) == before


@pytest.mark.parametrize("words, place", [
    (FILES["train"], "out"), (FILES["train"], "out.run.state"), (FOLDERS["simulate"], "out"), (FOLDERS["refine"], "out"),
    (FOLDERS["convert"], "out"), (FOLDERS["pictures"], "out"), (FOLDERS["reproduce"], "out/quick"),
    (FOLDERS["gaze-table"], "out/quick")])
def test_a_second_run_to_the_same_place_is_told_before_it_works(words, place, idle, capsys, monkeypatch):
    with claimed(idle / place):
        assert "another process is at work there" in given(words, "out", capsys, monkeypatch)


# ---- what may be replaced ----
def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("before, command", [
    ("saved", "simulate"), ("saved", "refine"), ("saved", "convert"), ("saved", "pictures"), ("convert", "refine"),
    ("convert", "simulate"), ("convert", "pictures"), ("refine", "convert"), ("refine", "simulate"), ("simulate", "refine")])
def test_a_command_does_not_replace_an_image_set_that_another_wrote(idle, capsys, monkeypatch, before, command):
    """Eyes that were converted for hours, in the place of refined ones; `saved`: from Python, or by an earlier version."""
    ImageSet.load("S").save("out")
    if before != "saved":
        about = json.loads(Path("out", "set.json").read_text())
        Path("out", "set.json").write_text(json.dumps(about | {"writer": {"convert": "mpiigaze convert"}.get(before, before)}))
    standing = contents("out")
    said = given(FOLDERS[command], "out", capsys, monkeypatch)
    assert "out: could not be written: an image set of " in said and "; delete it, or name another place" in said
    assert contents("out") == standing


def test_a_command_replaces_what_it_wrote_itself_and_python_replaces_any_set(here, capsys):
    for n in (3, 4):
        assert run(capsys, "simulate", "eyes", "--number", n)[0] == run(capsys, "refine", "r.safetensors", "eyes", "out")[0] == 0
        assert len(ImageSet.load("out")) == n
    assert "an image set of refine stands there" in refused(capsys, "simulate", "out", "--number", 3)
    ImageSet.load("S").save("out")
    assert len(ImageSet.load("out")) == 20


def test_a_conversion_replaces_one_of_the_same_data_set_alone(here, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "data_scripts"), *sys.path])
    test_cli.write_eyes(here / "release" / "p00", days=1, n=2)
    Path("pictures").mkdir()
    shutil.copy(ROOT / "docs" / "examples.png", "pictures")
    for words, status in ((["release"], 0), (["release", "--sides", "left"], 0), (["pictures"], 2)):
        path = ROOT / "data_scripts" / f"{'folder' if status else 'mpiigaze'}.py"
        program = runpy.run_path(str(path), run_name="imported")
        assert program["run"](program["RELEASE"], ["convert", *words[:1], "out", "--workers", "1", *words[1:]]) == status
    assert "an image set of mpiigaze convert stands there, and folder convert replaces" in capsys.readouterr().err


def test_a_set_that_a_kill_left_aside_is_not_replaced_by_another_command(here, capsys):
    """It was killed between its two renames: whoever reads the set still finds it."""
    ImageSet.load("S").save("out")
    os.rename("out", ".out.old")
    assert "an image set of another program stands there" in refused(capsys, "refine", "r.safetensors", "S", "out")
    assert len(ImageSet.load("out")) == 20


def test_a_refiner_that_train_did_not_write_is_not_replaced(here, capsys):
    before = Path("r.safetensors").read_bytes()
    assert "r.safetensors: a refiner that train did not write stands there" in refused(capsys, "train", "S", "S", "r.safetensors")
    assert Path("r.safetensors").read_bytes() == before


@pytest.mark.parametrize("command", ["simulate", "refine", "train"])
def test_help_says_what_is_replaced(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "replaces what this command wrote there, and nothing else" in " ".join(capsys.readouterr().out.split())


# ---- train ----
def test_refiners_whose_names_differ_behind_a_dot_are_two(here, capsys):
    for value in ("0.1", "0.5", "0.5.safetensors"):
        assert run(capsys, "train", "S", "S", f"lambda{value}", *TINY, "--set", f"regularization={value[:3]}")[0] == 0
    assert sorted(path.name for path in here.glob("lambda*")) == sorted(
        f"lambda{value}{ending}" for value in ("0.1", "0.5", "0.5.safetensors") for ending in ("", ".run.state"))


def test_a_refiner_is_written_through_a_link_and_nothing_but_a_refiner_is_replaced(here, capsys):
    a_refiner("d/old.safetensors", seed=1, writer="train")
    before = Path("d/old.safetensors").read_bytes()
    os.symlink("d/old.safetensors", "link")
    assert run(capsys, "train", "S", "S", "link", *TINY)[0] == 0
    assert Path("link").is_symlink() and Path("d/old.safetensors").read_bytes() != before
    assert "d/mine: no checkpoint" in refused(capsys, "train", "S", "S", "d/mine", *TINY)
    assert Path("d/mine").read_text() == "years of work"


@pytest.mark.parametrize("earlier", ["out.safetensors.run.safetensors", "out.run.state", "out.run.safetensors"])
def test_the_state_of_an_earlier_version_is_not_passed_over_in_silence(here, capsys, earlier):
    Path(earlier).write_text("half a training")
    for notes in (1, 0):                                                           # then there is a state of today
        status, _, error = run(capsys, "train", "S", "S", "out.safetensors", *TINY)
        said = [line for line in error.splitlines() if line.startswith("note: ")]
        assert status == 0 and len(said) == notes
        assert not notes or earlier in said[0] and said[0].endswith("this run begins anew")
    assert Path(earlier).read_text() == "half a training"


def test_images_of_which_one_pixel_changed_are_another_run(here, capsys):
    a_set("S", n=700)
    words = ("train", "S", "S", "out", *TINY)
    assert run(capsys, *words)[0] == 0
    images = ImageSet.load("S").images.clone()
    images[351, 0, 7, 7] ^= 1
    ImageSet(images).save("S")
    assert "belongs to another run: images to refine" in refused(capsys, *words)


# ---- refine ----
DYING = """
import os, signal, sys
from simgan_lib.__main__ import main
sys.addaudithook(lambda event, given: event == sys.argv[1] and str(given[0]).endswith(sys.argv[2])
                 and os.kill(os.getpid(), signal.SIGKILL))
main(sys.argv[3:])
"""


@pytest.mark.parametrize("moment", [("open", "set/set.json"), ("os.rename", "set"), ("shutil.rmtree", ".unfinished")])
def test_after_a_kill_the_next_refiner_writes_its_own_images_alone(here, capsys, moment):
    """While the set closes, before it gets its name, and after."""
    a_refiner("other.safetensors", seed=1)
    ended = subprocess.run([sys.executable, "-c", DYING, *moment, "refine", "r.safetensors", "S", "out"], capture_output=True,
                           env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert ended.returncode == -signal.SIGKILL and Path(".out.unfinished").exists()
    for out in ("out", "never killed"):
        assert run(capsys, "refine", "other.safetensors", "S", out)[0] == 0
    content = [{path.name: path.read_bytes() for path in Path(out).iterdir()} for out in ("out", "never killed")]
    assert content[0] == content[1] and len(ImageSet.load("out")) == 20
    assert not list(here.glob(".out*"))


@pytest.mark.parametrize("step", ["finish", "append"])
def test_after_a_full_disk_refine_begins_anew(here, capsys, monkeypatch, step):
    def full(*_):
        raise OSError(28, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(image_sets._Joined, step, full)
        assert "No space left" in refused(capsys, "refine", "r.safetensors", "S", "out")
    assert run(capsys, "refine", "r.safetensors", "S", "out")[0] == 0 and len(ImageSet.load("out")) == 20


@pytest.mark.parametrize("out", ["S", "./S/", "link", "S/inside", "link/inside"])
def test_images_are_not_refined_twice(here, capsys, out):
    """Once refined in their own place, the same command would refine the refined ones."""
    os.symlink("S", "link")
    assert "which is read: the same command again would read it" in refused(capsys, "refine", "r.safetensors", "S", out)


def test_a_contact_sheet_does_not_become_one_of_the_pictures(here):
    Path("pictures").mkdir()
    shutil.copy(ROOT / "docs" / "examples.png", "pictures/0.png")
    for sheet in ("pictures/0.png", "pictures/sheet.png"):
        words = [sys.executable, ROOT / "data_scripts" / "folder.py", "verify", "pictures", "--sheet", sheet]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 2 and "which is read" in ended.stderr and ended.stderr.count("\n") == 1
    assert os.listdir("pictures") == ["0.png"]


@pytest.mark.parametrize("hidden", [".S2.old", ".S2.unfinished"])
def test_a_hidden_folder_of_the_users_is_not_deleted(here, capsys, hidden):
    Path(hidden).mkdir()
    Path(hidden, "notes.txt").write_text("mine")
    assert "holds notes.txt" in refused(capsys, "refine", "r.safetensors", "S", "S2")
    assert Path(hidden, "notes.txt").read_text() == "mine"


def test_what_is_learned_from_is_not_measured_on(here, capsys):
    assert "what is learned from" in refused(capsys, "evaluate", "S", "./S")


@pytest.mark.parametrize("size, said", [((1, 55), "at least 8 x 8 pixels, found 1 x 55"), ((35, 7), "found 35 x 7"),
                                        ((9000, 9000), "for images of 9000 x 9000 takes at least 248.8 GB of memory")])
def test_images_of_a_size_that_no_estimator_has_are_told_before_the_training(here, capsys, monkeypatch, size, said):
    monkeypatch.setattr(device, "memory_limit", lambda: 10**11)
    for name in ("learned", "tested"):
        ImageSet(torch.zeros(1, 1, *size, dtype=torch.uint8), {"gaze": torch.zeros(1, 2)}).save(name)
    assert said in refused(capsys, "evaluate", "learned", "tested")


@pytest.mark.parametrize("option", ["--real", "--record", "--results", "--test-days"])
def test_an_option_left_blank_chooses_no_other_job(idle, capsys, option):
    """As an unset variable of a shell leaves it."""
    with pytest.raises(SystemExit, match="2"):
        main(["reproduce", option, ""])
    assert f"argument {option}: expected a name, found a blank text" in capsys.readouterr().err


# ---- the machine ----
@pytest.mark.parametrize("ask", [lambda: torch.empty(1 << 55, dtype=torch.uint8), lambda: torch.empty(1 << 40, 1 << 40),
                                 lambda: np.empty(1 << 55, np.uint8), lambda: bytearray(1 << 60)])
def test_more_than_the_memory_is_one_line(ask, capsys):
    assert exit_status(ask) == 2
    said, = capsys.readouterr().err.splitlines()
    assert said.startswith("error: the memory does not suffice (")


@pytest.mark.parametrize("text", ["CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0 has", "MPS backend out of memory (",
                                  "bad allocation", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
                                  "[enforce fail at alloc_cpu.cpp:83] data. DefaultCPUAllocator: not enough memory: you tried"])
def test_torchs_ways_to_say_that_the_memory_is_full_are_known(text, capsys):
    def work():
        raise RuntimeError(text)
    assert exit_status(work) == 2 and capsys.readouterr().err.count("\n") == 1


def test_another_error_of_torch_is_not_taken_for_it():
    with pytest.raises(RuntimeError, match="must match"):
        exit_status(lambda: torch.ones(2) + torch.ones(3))


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}


def test_a_locale_without_utf_8_changes_no_page_and_stops_no_line(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.md")}
    program = ("import sys; from simgan_lib.__main__ import main; from simgan_lib.system.errors import exit_status\n"
               "print(main(['results', '.']), exit_status(lambda: print('5 \\u00b1 1 \\u2192 \\ud800')))")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=os.environ | ASCII, capture_output=True, text=True)
    assert done.stdout.splitlines()[-2:] == ["5 ? 1 ? ?", "0 0"] and not done.stderr, done
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.md")} == before


PROGRAMS = [path for folder in ("simgan_lib", "data_scripts", "examples", "studies", "benchmarks", "notebooks")
            for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_text_is_read_and_written_in_a_named_encoding():
    """Else it is the machine's: cp1252 on Windows."""
    nameless = []
    for path in PROGRAMS:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(call, ast.Call) and (getattr(call.func, "attr", None) or getattr(call.func, "id", None))
            texts = called in ("read_text", "write_text") or called == "open" and isinstance(call.func, ast.Name) and not any(
                isinstance(word, ast.Constant) and "b" in str(word.value) for word in call.args[1:])
            if texts and not any(word.arg == "encoding" for word in call.keywords):
                nameless.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert len(PROGRAMS) > 80 and nameless == []
