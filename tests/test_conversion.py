"""Conversion: in order, in parallel, and after a kill the same bytes as without."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from functools import partial

import numbered_release
import pytest

from simgan_lib.datasets.tools import conversion
from simgan_lib.datasets.tools.conversion import convert, in_parallel
from simgan_lib.images import ImageSet
from simgan_lib.system import image_sets
from simgan_lib.system.errors import UserError


@pytest.fixture(autouse=True)
def work_is_shared_at_once(monkeypatch):
    monkeypatch.setattr(conversion, "ALONE_SECONDS", 0)


@pytest.fixture
def release(tmp_path):
    return numbered_release.write(tmp_path / "release")


def run(release, out, workers=1, **more):
    return convert(numbered_release, numbered_release.units(release), out, workers=workers, bar=False, **more)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


USED = [n for n in range(1, 30) if n % 7 != 3]


def test_all_usable_records_in_order_and_the_others_counted(release, tmp_path):
    done = run(release, tmp_path / "out")
    images = ImageSet.load(tmp_path / "out")
    assert (images.labels["gaze"][:, 0] * 1024).tolist() == USED and done.n == len(USED) == 25
    assert images.images[:, 0, 0, 0].tolist() == USED
    assert done.skipped == {"zero": 5} and images.source == "numbered release: 25 of 30, 5 zero left out"
    assert images.groups["file"].tolist() == [f"{n // 5:05d}" for n in USED]


def test_worker_processes_write_the_same_bytes_as_one(release, tmp_path):
    run(release, tmp_path / "one")
    run(release, tmp_path / "two", workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_conversion_that_was_made_is_not_made_again(release, tmp_path, monkeypatch):
    first = run(release, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(numbered_release, "read_unit", lambda *_: 1 / 0)
        again = run(release, tmp_path / "out")
    assert (again.n, again.skipped, again.resumed) == (first.n, first.skipped, 6)
    numbered_release.write(release, files=7)
    assert run(release, tmp_path / "out").n == 29


def test_other_options_replace_what_was_there(release, tmp_path):
    run(release, tmp_path / "out")
    run(release, tmp_path / "out", options={"size": [6, 8]})
    assert ImageSet.load(tmp_path / "out").images.shape == (25, 1, 6, 8)


# ---- damage ----
def test_a_damaged_file_stops_the_conversion_which_then_goes_on(release, tmp_path):
    whole = (release / "00003.bin").read_bytes()
    (release / "00003.bin").write_bytes(whole[:-1])
    with pytest.raises(UserError, match="00003.bin: found 19 bytes"):
        run(release, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (release / "00003.bin").write_bytes(whole)
    done = run(release, tmp_path / "out")
    assert (done.resumed, done.n, done.anew) == (3, 25, "")
    run(release, tmp_path / "at once")
    assert content(tmp_path / "out") == content(tmp_path / "at once")


@pytest.mark.parametrize("workers", [1, 2])
def test_damaged_files_may_be_skipped_and_are_counted(release, tmp_path, workers):
    (release / "00003.bin").write_bytes(b"abc")
    done = run(release, tmp_path / "out", workers=workers, skip_damaged=True)
    assert done.skipped == {"zero": 4, "file damaged": 1} and done.n == 21


def test_a_worker_that_dies_is_told(release, tmp_path):
    (release / "00003.bin").write_bytes(b"die")
    with pytest.raises(UserError, match="a worker process died.*fewer workers"):
        run(release, tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


def test_nothing_usable(tmp_path):
    numbered_release.write(tmp_path / "release", files=1, each=1)
    with pytest.raises(UserError, match="none of the 1 records can be used .1 zero"):
        run(tmp_path / "release", tmp_path / "out")


def test_a_disk_that_will_not_do_is_seen_before_it_is_full(release, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(conversion.shutil, "disk_usage", lambda _: namedtuple("usage", "free")(100))
        with pytest.raises(UserError, match=r"out: about \S+ kB are to come, but 100 B are free there; what is done is kept"):
            run(release, tmp_path / "out")
    assert run(release, tmp_path / "out").resumed == 1


# ---- kills ----
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[3])
import numbered_release
from simgan_lib.datasets.tools import conversion
from simgan_lib.system.errors import exit_status
if __name__ == "__main__":
    conversion.ALONE_SECONDS = 0
    units = numbered_release.units(sys.argv[1])
    sys.exit(exit_status(lambda: conversion.convert(numbered_release, units, sys.argv[2], workers=int(sys.argv[4]), bar=False)))
"""


def started(tmp_path, release, workers):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    return subprocess.Popen([sys.executable, program, release, tmp_path / "out", os.path.dirname(__file__), str(workers)],
                            env={**os.environ, "SLOW": "0.02"}, start_new_session=True, stderr=subprocess.PIPE, text=True,
                            preexec_fn=hear_ctrl_c)


def hear_ctrl_c():
    """Whoever runs the tests in the background is deaf to Ctrl-C, and his children after him."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until_units(tmp_path, number, process):
    """Wait until so many pieces are there."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if len(list((tmp_path / ".out.unfinished").glob("*.npz"))) >= number:
            return
        time.sleep(0.005)
    pytest.fail("the conversion never came so far")


@pytest.mark.parametrize("workers, kills", [(1, (1, 60)), (2, (30,))])
def test_kill_9_again_and_again_ends_with_the_same_bytes(tmp_path, workers, kills):
    release = numbered_release.write(tmp_path / "release", files=120)
    for number in kills:
        with started(tmp_path, release, workers) as process:
            until_units(tmp_path, number, process)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL and not (tmp_path / "out").exists()
    done = run(release, tmp_path / "out")
    assert kills[-1] <= done.resumed < 120 and done.anew == ""
    run(release, tmp_path / "never killed")
    assert content(tmp_path / "out") == content(tmp_path / "never killed")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_quietly_and_the_next_call_goes_on(tmp_path, sent):
    release = numbered_release.write(tmp_path / "release", files=120)
    with started(tmp_path, release, 2) as process:
        until_units(tmp_path, 5, process)
        os.killpg(process.pid, sent)                        # what a terminal or a scheduler does: workers get it too
        said = process.stderr.read()
    assert process.returncode == 130 and "Traceback" not in said
    assert run(release, tmp_path / "out").resumed >= 5


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_a_worker_is_deaf_to_ctrl_c_and_sigterm_from_its_first_line():
    """Else the one that is just starting, before it can say that it will not listen, answers with a traceback."""
    ask = [sys.executable, "-c",
           "import signal; print({signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, []))"]
    with conversion._undisturbed():
        inside = subprocess.run(ask, capture_output=True, text=True).stdout
    outside = subprocess.run(ask, capture_output=True, text=True).stdout
    assert (inside.strip(), outside.strip()) == ("True", "False")


@pytest.mark.parametrize("change", [lambda path: os.utime(path, (1, 1)), os.unlink, lambda path: path.write_bytes(b"")])
def test_files_that_changed_are_read_anew_and_others_not(release, tmp_path, monkeypatch, change):
    whole = (release / "00004.bin").read_bytes()
    (release / "00004.bin").write_bytes(b"abc")
    with pytest.raises(UserError):
        run(release, tmp_path / "out")
    (release / "00004.bin").write_bytes(whole)
    change(release / "00001.bin")
    done = run(release, tmp_path / "out")
    assert (done.resumed, done.anew) == (3, "pieces of other options or code, or of files that have changed: 1")
    run(release, tmp_path / "at once")
    assert content(tmp_path / "out") == content(tmp_path / "at once")


def test_pieces_of_other_options_are_not_used(release, tmp_path):
    (release / "00004.bin").write_bytes(b"abc")
    with pytest.raises(UserError):
        run(release, tmp_path / "out")
    done = run(release, tmp_path / "out", options={"size": [6, 8]}, skip_damaged=True)
    assert done.resumed == 0 and done.anew.endswith("pieces of other options or code, or of files that have changed: 4")
    assert ImageSet.load(tmp_path / "out").images.shape == (21, 1, 6, 8)


def test_what_another_version_of_the_reader_has_read_is_not_used(release, tmp_path, monkeypatch):
    """Neither its pieces nor its finished set: it may have read the same files otherwise."""
    with monkeypatch.context() as patch:
        patch.setattr(conversion, "code_digest", lambda files: "of before")
        run(release, tmp_path / "out")
        (release / "00004.bin").write_bytes(b"abc")
        with pytest.raises(UserError):
            run(release, tmp_path / "other")
    assert run(release, tmp_path / "out", skip_damaged=True).resumed == 0
    done = run(release, tmp_path / "other", skip_damaged=True)
    assert done.resumed == 0 and done.anew.endswith("files that have changed: 4")


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content[:200] + b"?" + content[201:],
                                    lambda content: b""])
def test_a_damaged_piece_is_named_and_made_again(release, tmp_path, monkeypatch, damage):
    with monkeypatch.context() as patch:
        patch.setattr(image_sets, "put_in_place", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
        with pytest.raises(UserError, match="out: could not be written .Input/output error."):
            run(release, tmp_path / "out")
    piece = sorted((tmp_path / ".out.unfinished").glob("*.npz"))[2]
    piece.write_bytes(damage(piece.read_bytes()))
    with pytest.raises(UserError, match=f"{piece.name}: a damaged piece .*, now deleted; give the same command again"):
        run(release, tmp_path / "out")
    assert run(release, tmp_path / "out").resumed == 5
    run(release, tmp_path / "at once")
    assert content(tmp_path / "out") == content(tmp_path / "at once")


def test_a_second_conversion_to_the_same_place_is_kept_away(release, tmp_path):
    with image_sets.work_place(tmp_path / "out"), pytest.raises(UserError, match="another process is at work"):
        run(release, tmp_path / "out")
    assert run(release, tmp_path / "out").n == 25


def test_what_an_earlier_version_left_unfinished_begins_anew(release, tmp_path):
    """It kept one file an array and a journal."""
    (left := image_sets.left_over(tmp_path / "out")).mkdir()
    for name in ("images.npy", "gaze.npy", "group_file.npy"):
        (left / name).write_bytes(b"some images")
    (left / "journal.json").write_text("{}")
    done = run(release, tmp_path / "out")
    assert (done.n, done.resumed) == (25, 0) and done.anew.endswith("files that have changed: 3")
    assert sorted(os.listdir(tmp_path)) == ["out", "release"]


def test_killed_before_it_could_clear_up(release, tmp_path):
    """The set is there and its pieces still are: the next call takes the one and deletes the others."""
    run(release, tmp_path / "out")
    image_sets.left_over(tmp_path / "out").mkdir()
    (image_sets.left_over(tmp_path / "out") / "0.npz").touch()
    assert (run(release, tmp_path / "out").resumed, sorted(os.listdir(tmp_path))) == (6, ["out", "release"])


# ---- reading in parallel ----
def test_a_short_work_is_not_shared(release, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "ALONE_SECONDS", 60)
    monkeypatch.setattr(conversion, "_undisturbed", lambda: 1 / 0)
    assert run(release, tmp_path / "out", workers=2).n == 25


def read_and_note(folder, unit):
    (folder / str(unit)).touch()
    return unit


def test_no_more_results_wait_than_a_lot(tmp_path, monkeypatch):
    """Reading stops when who takes the results is slow: memory stays what it is."""
    monkeypatch.setattr(conversion, "LOT", 3)
    taken = in_parallel(partial(read_and_note, tmp_path), list(range(15)), workers=2)
    for n in range(1, 16):
        assert next(taken) == n - 1
        time.sleep(0.05)
        assert n <= len(os.listdir(tmp_path)) <= -(-n // 6) * 6
