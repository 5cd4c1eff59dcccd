"""What holds for every data set: conversion notices each file it was made of, and each program takes all of its options."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from releases import (
    write_cifar10,
    write_folder,
    write_kaggle,
    write_nyu,
    write_syntheseyes,
    write_unityeyes,
)

from simgan_lib.datasets import NAMES, reader
from simgan_lib.datasets.tools.conversion import convert
from simgan_lib.images import ImageSet
from simgan_lib.simulators.release import write_release
from simgan_lib.system.errors import UserError

SCRIPTS = Path(__file__).parents[1] / "data_scripts"
TABLE = "file,pitch_deg,yaw_deg,subject\n0.png,-10,5,anna\nsub/1.jpg,0,0,bert\nsub/2.bmp,1,-2,anna\n"


def mpiigaze(folder):
    """With the lists of its Evaluation Subset, which name every second frame."""
    write_release(folder, days=2, bursts=1)
    lists = folder / "Evaluation Subset" / "sample list for eye image"
    lists.mkdir(parents=True)
    lines = [f"day{day:02d}/{frame:04d}.jpg {side}" for day in (1, 2) for frame in (1, 3, 5) for side in ("left", "right")]
    (lists / "p00.txt").write_text("\n".join(lines))
    return folder


def nyu_with_renderings(folder):
    for path in write_nyu(folder).glob("test/depth_*"):
        path.with_name(f"synth{path.name}").write_bytes(path.read_bytes())
    return folder


WRITE = {"mpiigaze": mpiigaze, "unityeyes": write_unityeyes, "syntheseyes": write_syntheseyes, "nyu": nyu_with_renderings,
         "cifar10": write_cifar10, "kaggle": write_kaggle, "folder": lambda folder: write_folder(folder, table=TABLE)}
# data set: (what of it is looked at, options of `units`, those of `read_unit`)
READ = [("mpiigaze", "Data/**/*.mat", {}, {}), ("unityeyes", "imgs/*", {}, {}), ("syntheseyes", "*/*.png", {}, {}),
        ("nyu", "test/[dj]*", {}, {}), ("cifar10", "*.bin", {}, {}), ("kaggle", "gaze.h5", {}, {}),
        ("folder", "**/*.[pjb][nmp][gp]", {}, {}),
        ("mpiigaze", "**/*.[mt][ax]t", {"listed": "LISTS"}, {"listed": "LISTS"}),
        ("folder", "**/*.*", {"labels": "labels.csv"}, {})]


@pytest.mark.parametrize("name, looked_at, of_units, options", READ, ids=lambda value: value if isinstance(value, str) else "")
def test_conversion_notices_that_any_of_its_files_has_changed(tmp_path, name, looked_at, of_units, options):
    module, release = reader(name), WRITE[name](tmp_path / "release")
    of_units, options = ({key: str(release / "Evaluation Subset") if value == "LISTS" else value for key, value in each.items()}
                         for each in (of_units, options))

    def resumed():
        units = module.units(release, **of_units)
        return convert(module, units, tmp_path / "out", options, workers=1, bar=False).resumed
    assert resumed() == 0 < resumed()
    files = sorted(path for path in release.glob(looked_at) if path.is_file())
    assert files
    for path in files:
        if path.suffix == ".csv":                           # its content is in the units: a new date alone changes nothing
            path.write_text(path.read_text().replace("anna", "ann"))
        os.utime(path, ns=(0, 0))
        assert resumed() == 0 < resumed(), path


def test_conversion_notices_a_file_that_appears_beside_a_picture(tmp_path):
    """UnityEyes is still drawing: the json of a picture that was counted as missing comes later."""
    module, release = reader("unityeyes"), write_unityeyes(tmp_path / "release", 3)
    late = (release / "imgs" / "2.json").read_text()
    (release / "imgs" / "2.json").unlink()

    def converted():
        return convert(module, module.units(release), tmp_path / "out", workers=1, bar=False)
    assert converted().skipped == {"json missing: 2.jpg": 1}
    (release / "imgs" / "2.json").write_text(late)
    assert (converted().n, len(ImageSet.load(tmp_path / "out"))) == (3, 3)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_unit_names_is_there(tmp_path, name):
    """Else a slip in a path would go unnoticed."""
    module = reader(name)
    named = {Path(path) for unit in module.units(WRITE[name](tmp_path)) for path in module.files(unit)}
    assert named and all(path.is_file() for path in named)


# ---- every option of every program ----
OPTIONS = {
    "mpiigaze": [["--sides", "left"], ["--no-mirror"], ["--listed", "RELEASE/Evaluation Subset"]],
    "unityeyes": [["--colour"]], "syntheseyes": [["--colour"]], "cifar10": [], "kaggle": [["--which", "real"]],
    "nyu": [["--part", "test"], ["--views", "1"], ["--rendered"], ["--centre", "mass"]],
    "folder": [["--colour"], ["--labels", "labels.csv"]]}
CASES = [(name, words) for name, options in OPTIONS.items() for words in [[], *options]]
SIZED = [name for name in OPTIONS if name != "cifar10"]


@pytest.fixture
def program(monkeypatch):
    """(name, words) -> exit status of a program of data_scripts, run in this process."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from _program import run

    def program(name, *words):
        release = runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="imported")["RELEASE"]
        return run(release, [str(word) for word in words])
    return program


def test_no_option_is_forgotten_here():
    for name, options in OPTIONS.items():
        said = subprocess.run([sys.executable, SCRIPTS / f"{name}.py", "convert", "--help"], capture_output=True, text=True,
                              timeout=60).stdout
        shown = {word.strip("[],") for word in said.split() if word.strip("[],").startswith("--")}
        given = {words[0] for words in options} | {"--help", "--workers", "--skip-damaged"}
        assert shown - {"--size", "--mirror"} == given, name


@pytest.mark.parametrize("name, words", CASES, ids=[f"{name} {' '.join(words)}" for name, words in CASES])
def test_each_program_verifies_and_converts_with_each_of_its_options(tmp_path, program, capsys, name, words):
    release, out = WRITE[name](tmp_path / "release"), tmp_path / "out"
    words = [word.replace("RELEASE", str(release)) for word in words]
    assert program(name, "verify", release, "--sheet", tmp_path / "sheet.png", "--workers", 1, *words) == 0
    verified = capsys.readouterr().out
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    assert program(name, "convert", release, out, "--workers", 1, *words) == 0
    assert f"images    {len(ImageSet.load(out)):,}" in verified
    assert program(name, "verify", out, "--sheet", tmp_path / "sheet.png") == 0


@pytest.mark.parametrize("name, words", [case for case in CASES if case[1]], ids=[f"{n} {' '.join(w)}" for n, w in CASES if w])
def test_each_option_makes_another_image_set(tmp_path, program, name, words):
    """But for those that name what is taken anyway."""
    release = WRITE[name](tmp_path / "release")
    words = [word.replace("RELEASE", str(release)) for word in words]
    found = []
    for more, out in (([], "plain"), (words, "with")):
        assert program(name, "convert", release, tmp_path / out, "--workers", 1, *more) == 0
        images = ImageSet.load(tmp_path / out)
        found.append((images.images.tolist(), {k: v.tolist() for k, v in images.labels.items()}, list(images.groups)))
    same = words[0] in ("--part", "--views", "--rendered")
    assert (found[0] == found[1]) == same


@pytest.mark.parametrize("name", SIZED)
def test_sizes(tmp_path, program, capsys, name):
    release = WRITE[name](tmp_path / "release")
    assert program(name, "convert", release, tmp_path / "out", "--workers", 1, "--size", 20, 30) == 0
    assert ImageSet.load(tmp_path / "out").images.shape[2:] == (20, 30) and capsys.readouterr()
    for size in ((0, 5), (-1, 5), (5, 200_000), (200_000, 200_000)):
        with pytest.raises(SystemExit, match="2"):
            program(name, "convert", release, tmp_path / "other", "--size", *size)
        said = capsys.readouterr().err
        assert "argument --size: expected a whole number from 1 to 1,024, found" in said and said.count("\n") == 1


# ---- what a program is told, and cannot do ----
def test_lists_that_are_not_there_are_told_before_any_work(tmp_path, program, capsys):
    release = mpiigaze(tmp_path / "release")
    (tmp_path / "Evaluation Subset").mkdir()
    for command in (["verify", release], ["convert", release, tmp_path / "out"]):
        assert program("mpiigaze", *command, "--listed", tmp_path / "Evaluation Subset") == 2
        said = capsys.readouterr().err
        assert "expected the Evaluation Subset with" in said and said.count("\n") == 1 and "damaged" not in said


def test_a_list_that_changes_is_read_again(tmp_path):
    release, module = mpiigaze(tmp_path), reader("mpiigaze")
    lists = release / "Evaluation Subset"
    before = len(module.read_mpiigaze(release, listed=lists))
    path = lists / "sample list for eye image" / "p00.txt"
    path.write_text("day01/0001.jpg left\n")
    os.utime(path, ns=(1, 1))
    assert len(module.read_mpiigaze(release, listed=lists)) <= 1 < before
    path.write_text("nonsense\n")
    os.utime(path, ns=(2, 2))
    with pytest.raises(UserError, match="expected lines like"):
        module.units(release, listed=lists)


def test_damaged_files_are_named(tmp_path, program, capfd):
    release = mpiigaze(tmp_path / "release")
    (release / "Data/Normalized/p00/day01.mat").write_bytes(b"MATLAB")
    assert program("mpiigaze", "verify", release, "--sheet", tmp_path / "s.png", "--workers", 1) == 0
    said = capfd.readouterr()
    assert "1 file damaged" in said.out and "day01.mat: not a readable MATLAB" in said.err


def test_options_that_would_do_nothing_are_refused(tmp_path, program, capsys):
    release = write_unityeyes(tmp_path / "release")
    program("unityeyes", "convert", release, tmp_path / "out", "--workers", 1)
    assert program("unityeyes", "verify", tmp_path / "out", "--colour", "--size", 9, 9) == 2
    assert "an image set, which was converted already: colour, size would do nothing" in capsys.readouterr().err


@pytest.mark.parametrize("out, said", [("a file", "found a file"), (".", "the folder that this runs in"), ("..", "one above it")])
def test_a_place_that_cannot_be_is_told_before_any_work(tmp_path, program, capsys, monkeypatch, out, said):
    release = write_cifar10(tmp_path / "release")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("a file").write_text("mine")
    monkeypatch.setattr(reader("cifar10"), "read_unit", lambda *_: 1 / 0)
    assert program("cifar10", "convert", release, out, "--workers", 1) == 2
    assert said in capsys.readouterr().err and Path("a file").read_text() == "mine"


def test_a_sheet_that_cannot_be_is_told_before_any_work(tmp_path, program, capsys):
    assert program("cifar10", "verify", write_cifar10(tmp_path / "release"), "--sheet", tmp_path) == 2
    assert f"{tmp_path}: could not be written: expected a file or nothing there, found a folder" in capsys.readouterr().err


def test_a_name_that_no_disk_takes(program, capsys):
    assert program("cifar10", "verify", "x" * 300) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_an_output_that_is_full(tmp_path):
    release = write_cifar10(tmp_path / "release", 3)
    words = [sys.executable, SCRIPTS / "cifar10.py", "verify", release, "--sheet", tmp_path / "s.png", "--workers", "1"]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr and "No space left" in ended.stderr.splitlines()[-1]


def test_memory_that_does_not_suffice_is_one_line(capsys):
    from simgan_lib.system.errors import exit_status

    def work():
        raise MemoryError
    assert exit_status(work) == 2
    assert capsys.readouterr().err == "error: the memory does not suffice (it says no more)\n"


@pytest.mark.parametrize("put", [{}, {"a stranger.txt": b"text"}])
def test_an_unpacked_folder_of_something_else_is_not_taken_for_the_release(tmp_path, program, capsys, put):
    (tmp_path / "MPIIGaze").mkdir()
    for name, content in put.items():
        (tmp_path / "MPIIGaze" / name).write_bytes(content)
    assert program("mpiigaze", "download", tmp_path) == 2
    assert "expected MPIIGaze's release" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("name, place, options, words", [
    ("unityeyes", "imgs/2.jpg", {}, "1 picture unreadable"),
    ("unityeyes", "imgs/2.json", {}, "1 json unreadable"), ("syntheseyes", "f01/*.png", {}, "1 picture unreadable"),
    ("nyu", "test/depth_1_0000001.png", {}, "1 picture"),
    ("folder", "0.png", {}, "1 picture unreadable")])
def test_nobody_waits_for_a_pipe(tmp_path, name, place, options, words):
    """Opening one that nobody writes to never ends: run apart, so that the test would."""
    release = WRITE[name](tmp_path / "release")
    victim = sorted(release.glob(place))[0]
    victim.unlink()
    os.mkfifo(victim)
    code = (f"from simgan_lib.datasets import reader; module = reader({name!r}); "
            f"print(getattr(module, 'read_{name}')({str(release)!r}, **{options!r}).source)")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert words in ended.stdout
