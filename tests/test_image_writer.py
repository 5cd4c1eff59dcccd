"""The streaming writer of image sets: whole or invisible, and the same bytes however often it was killed."""

import errno
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.images import ImageSet
from simgan_lib.system import image_writer
from simgan_lib.system.errors import UserError
from simgan_lib.system.image_writer import HEADER, ImageSetWriter, npy_header

KEY = {"data set": "numbers", "options": {"size": [3, 4]}}


def part(start, n, channels=1, size=(3, 4)):
    """Images whose pixels, label and groups all say which one it is."""
    places = torch.arange(start, start + n)
    images = (places % 251).to(torch.uint8)[:, None, None, None].expand(n, channels, *size)
    labels = {"gaze": torch.stack([places, -places], -1).float()}
    groups = {"day": np.array([f"day{i // 3:02d}" for i in places.tolist()]), "side": np.array(["left", "right"] * n)[:n]}
    return ImageSet(images, labels, groups)


def write(folder, lengths, first=0, stop=None):
    """Parts of these lengths, each committed, from the first that a killed writer has not."""
    with ImageSetWriter(folder, KEY) as writer:
        begun = writer.note.get("parts", 0)
        for number in range(begun, len(lengths))[:stop]:
            writer.append(part(sum(lengths[:number]), lengths[number]))
            writer.commit({"parts": number + 1})
        if stop is None:
            writer.close("numbers")
        return begun


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_numbers(folder, n):
    read, whole = ImageSet.load(folder), part(0, n)
    assert torch.equal(read.images, whole.images) and torch.equal(read.labels["gaze"], whole.labels["gaze"])
    assert read.groups["day"].tolist() == whole.groups["day"].tolist() and read.source == "numbers"


@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any))
def test_parts_read_back_as_one_set(tmp_path_factory, lengths):
    folder = tmp_path_factory.mktemp("writer") / "set"
    write(folder, lengths)
    assert_numbers(folder, sum(lengths))
    assert os.listdir(folder.parent) == ["set"]


@given(lengths=st.lists(st.integers(1, 4), min_size=2, max_size=6), data=st.data())
def test_a_writer_that_stopped_anywhere_gives_the_same_bytes(tmp_path_factory, lengths, data):
    folder = tmp_path_factory.mktemp("writer")
    write(folder / "at once", lengths)
    stop = data.draw(st.integers(0, len(lengths)))
    write(folder / "in two", lengths, stop=stop)
    assert not (folder / "in two").exists()
    assert write(folder / "in two", lengths) == stop
    assert content(folder / "in two") == content(folder / "at once")


def test_what_was_not_committed_is_written_again(tmp_path):
    with ImageSetWriter(tmp_path / "set", KEY) as writer:
        writer.append(part(0, 4))
        writer.commit({"parts": 1})
        writer.append(part(4, 3))
    assert write(tmp_path / "set", [4, 5]) == 1
    assert_numbers(tmp_path / "set", 9)


PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[2])
import test_image_writer as t
with t.ImageSetWriter(sys.argv[1], t.KEY) as writer:
    number = writer.note.get("parts", 0)
    while True:
        writer.append(t.part(number * 5000, 5000))
        writer.commit({"parts": number + 1})
        number += 1
        print(number, flush=True)
"""


def test_kill_9_between_any_two_bytes_costs_one_part(tmp_path):
    """Real kills: what the journal counts is there, and the set ends with the same bytes as one never killed."""
    done = 0
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "set"), os.path.dirname(__file__)],
                              stdout=subprocess.PIPE, text=True) as process:
            for _ in range(3):
                done = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -9 and not (tmp_path / "set").exists()
        with pytest.raises(UserError, match="not a complete image set"):
            ImageSet.load(tmp_path / ".set.unfinished")
    assert write(tmp_path / "set", [5000] * (done + 3)) >= done
    write(tmp_path / "never killed", [5000] * (done + 3))
    assert content(tmp_path / "set") == content(tmp_path / "never killed")


@pytest.mark.parametrize("at", ["first", "second", "unlink"])
def test_killed_while_it_is_put_in_its_place(tmp_path, at):
    """With an old set there: one of the two can always be loaded, and the same command then finishes the work."""
    ImageSet(torch.zeros(2, 1, 3, 4, dtype=torch.uint8)).save(tmp_path / "set")
    program = f"""
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[2])
import test_image_writer as t
real, count = os.replace, []
def replace(a, b):
    if "journal" not in str(b):
        count.append(b)
        if len(count) == {["first", "second", "unlink"].index(at) + 1}: os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
    if "{at}" == "unlink" and len(count) == 2: os.kill(os.getpid(), signal.SIGKILL)
os.replace = replace
t.write(t.os.path.join(sys.argv[1]), [4, 3])
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set"), os.path.dirname(__file__)], timeout=120)
    assert ended.returncode == -9
    assert len(ImageSet.load(tmp_path / "set")) == (7 if at == "unlink" else 2)
    assert write(tmp_path / "set", [4, 3]) == (0 if at == "unlink" else 2)
    assert_numbers(tmp_path / "set", 7)
    assert os.listdir(tmp_path) == ["set"]


def test_another_key_starts_anew_and_says_so(tmp_path):
    write(tmp_path / "set", [4, 3], stop=1)
    with ImageSetWriter(tmp_path / "set", {**KEY, "options": {"size": [35, 55]}}) as writer:
        assert writer.anew == "other options or sources" and len(writer) == 0 and writer.note == {}


@pytest.mark.parametrize("damage", [
    lambda at: (at / "journal.json").write_text("{"), lambda at: (at / "journal.json").write_text("[]"),
    lambda at: (at / "images.npy").unlink(), lambda at: os.truncate(at / "gaze.npy", HEADER + 3),
    lambda at: (at / "journal.json").write_text(json.dumps({"key": KEY}))])
def test_damaged_parts_are_not_gone_on_with(tmp_path, damage):
    write(tmp_path / "set", [4, 3], stop=1)
    damage(tmp_path / ".set.unfinished")
    with ImageSetWriter(tmp_path / "set", KEY) as writer:
        assert writer.anew and len(writer) == 0
    write(tmp_path / "set", [4, 3])
    assert_numbers(tmp_path / "set", 7)


@pytest.mark.parametrize("other, said", [
    (part(4, 2, channels=3), r"images uint8 \(3, 3, 4\), expected uint8 \(1, 3, 4\)"),
    (part(4, 2, size=(5, 4)), r"images uint8 \(1, 5, 4\), expected"),
    (ImageSet(part(4, 2).images, {}, part(4, 2).groups), r"gaze absent, expected float32 \(2,\)"),
    (ImageSet(part(4, 2).images, {"gaze": torch.zeros(2, 2).double()}, part(4, 2).groups), "gaze float64"),
    (ImageSet(part(4, 2).images, {"gaze": torch.zeros(2, 2), "pupil": torch.zeros(2, 2)}, part(4, 2).groups), "pupil float"),
    (ImageSet(part(4, 2).images, part(4, 2).labels, {"day": ["day01"] * 2}), "group_side absent")])
def test_images_of_another_kind_are_refused(tmp_path, other, said):
    with ImageSetWriter(tmp_path / "set", KEY) as writer:
        writer.append(part(0, 4))
        with pytest.raises(UserError, match=f"one kind: found {said}"):
            writer.append(other)
        writer.append(part(4, 3))
        writer.close("numbers")
    assert_numbers(tmp_path / "set", 7)


def test_a_full_disk_loses_nothing_that_was_committed(tmp_path, monkeypatch):
    write(tmp_path / "set", [4, 3], stop=1)

    def full(file, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(image_writer, "write_all", full)
        with pytest.raises(UserError, match="set: could not be written .No space left on device.; nothing is lost"):
            write(tmp_path / "set", [4, 3])
    assert write(tmp_path / "set", [4, 3]) == 1
    assert_numbers(tmp_path / "set", 7)


def test_a_limit_on_file_size_makes_a_real_write_fail(tmp_path):
    """The kernel refuses half way through a file: what was committed before stays."""
    program = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
import test_image_writer as t
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
try:
    t.write(sys.argv[1], [100, 100])
except t.UserError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set"), os.path.dirname(__file__)],
                           stdout=subprocess.PIPE, text=True, timeout=120)
    assert ended.stdout.startswith(f"{tmp_path / 'set'}: could not be written (File too large)")
    assert write(tmp_path / "set", [100, 100]) == 1
    assert_numbers(tmp_path / "set", 200)


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match="thesis: could not be written: a folder with other files"):
        ImageSetWriter(tmp_path / "thesis", KEY)
    with pytest.raises(UserError, match="thesis: could not be written: a folder with other files"):
        part(0, 2).save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    assert os.listdir(tmp_path) == ["thesis"]


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("here is no folder")
    with pytest.raises(UserError, match="file/set: could not be written"):
        ImageSetWriter(tmp_path / "file" / "set", KEY)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="set: could not be written .Permission denied"):
            ImageSetWriter(tmp_path / "set", KEY)
    finally:
        tmp_path.chmod(0o700)


def test_a_second_writer_is_kept_away(tmp_path):
    with ImageSetWriter(tmp_path / "set", KEY) as writer:
        with pytest.raises(UserError, match="another process is at work"):
            ImageSetWriter(tmp_path / "set", KEY)
        writer.append(part(0, 4))
        writer.close("numbers")
    assert_numbers(tmp_path / "set", 4)


def test_a_set_without_images_is_not_written(tmp_path):
    with ImageSetWriter(tmp_path / "set", KEY) as writer:
        writer.append(part(0, 0))
        with pytest.raises(UserError, match="no image was found"):
            writer.close("nothing")
    assert not (tmp_path / "set").exists()


def test_the_header_is_one_that_numpy_reads(tmp_path):
    for dtype, shape in ((np.dtype("u1"), (7, 1, 3, 4)), (np.dtype("<f4"), (7, 2)), (np.dtype("<u4"), (7,))):
        values = np.arange(7 * int(np.prod(shape[1:]))).astype(dtype).reshape(shape)
        (tmp_path / "a.npy").write_bytes(npy_header(dtype, shape) + values.tobytes())
        read = np.load(tmp_path / "a.npy")
        assert read.dtype == dtype and np.array_equal(read, values)
