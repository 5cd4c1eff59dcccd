"""The reader of CIFAR-10's binary batches."""

import os

import numpy as np
import pytest
import torch
from releases import write_cifar10

from simgan_lib.datasets.cifar10 import KINDS, RECORD, read_cifar10, read_unit, units
from simgan_lib.system.errors import UserError


@pytest.fixture
def release(tmp_path):
    return write_cifar10(tmp_path / "cifar-10-batches-bin")


def test_all_batches_are_read_with_their_kinds_and_splits(release):
    pictures = read_cifar10(release)
    assert pictures.images.shape == (60, 3, 32, 32) and pictures.images.dtype == torch.uint8
    assert pictures.labels["kind"].dtype == torch.int64
    assert pictures.groups["split"].tolist() == ["train"] * 40 + ["test"] * 20
    assert pictures.source == "CIFAR-10: 60 of 60"
    written = (release / "test_batch.bin").read_bytes()
    assert len(written) == 20 * 3073
    for i in range(20):
        record = written[i * 3073:(i + 1) * 3073]
        assert pictures.labels["kind"][40 + i] == record[0] and pictures.images[40 + i].numpy().tobytes() == record[1:]


def test_a_file_written_by_hand_gives_colours_as_planes_of_rows_and_a_name(tmp_path):
    record = bytearray(1 + 3 * 1024)
    record[0] = 6
    record[1 + 2 * 1024 + 5 * 32 + 7] = 200            # blue, row 5, column 7
    (tmp_path / "test_batch.bin").write_bytes(record)
    pictures = read_cifar10(tmp_path)
    assert pictures.images.nonzero().tolist() == [[0, 2, 5, 7]] and pictures.images[0, 2, 5, 7] == 200
    assert KINDS[pictures.labels["kind"]] == "frog" and len(KINDS) == 10


def test_folder_of_the_archive_or_that_above_it_can_be_named(release):
    assert units(release) == units(release.parent) and len(units(release)) == 3


def test_empty_pictures_are_skipped_and_counted(tmp_path):
    data = np.ones((4, 3072), np.uint8)
    data[1] = 0
    write_cifar10(tmp_path, 4, ["data_batch_1"], data=data, kinds=[3, 4, 5, 6])
    images, skipped = read_unit(*units(tmp_path))
    assert skipped == {"empty": 1} and images.labels["kind"].tolist() == [3, 5, 6]
    assert read_cifar10(tmp_path).source == "CIFAR-10: 3 of 4, 1 empty left out"


def test_a_batch_of_empty_pictures_keeps_shape_and_names(tmp_path):
    write_cifar10(tmp_path, 2, ["data_batch_1"], data=np.zeros((2, 3072), np.uint8))
    images, skipped = read_unit(*units(tmp_path))
    assert images.images.shape == (0, 3, 32, 32) and set(images.labels) == {"kind"} and set(images.groups) == {"split"}
    with pytest.raises(UserError, match="none of the 2 records"):
        read_cifar10(tmp_path)


def one_line(release, said):
    """Reading says this of the batch data_batch_2, and the others can be read."""
    with pytest.raises(UserError, match=said) as caught:
        read_cifar10(release)
    assert str(caught.value).startswith(f"{release / 'data_batch_2.bin'}: ") and "\n" not in str(caught.value)
    assert len(read_unit(units(release)[0])[0]) == 20


@pytest.mark.parametrize("length", [0, 1, 3072, 20 * RECORD - 1, 20 * RECORD + 1])
def test_a_batch_that_is_cut_short_or_too_long_is_named(release, length):
    path = release / "data_batch_2.bin"
    path.write_bytes((path.read_bytes() + b"\0")[:length])
    one_line(release, f"found {length} bytes, expected whole records of 3073; perhaps cut short")


def test_a_kind_that_there_is_not_is_named(release):
    path, kinds = release / "data_batch_2.bin", [9] * 20
    write_cifar10(release, 20, ["data_batch_2"], kinds=kinds)
    assert len(read_cifar10(release)) == 60
    write_cifar10(release, 20, ["data_batch_2"], kinds=[*kinds[:-1], 10])
    one_line(release, "expected kinds 0 to 9, found 10")
    path.write_bytes(b"<html>404</html>" + b" " * (RECORD - 16))       # a page as long as a record
    one_line(release, f"found {ord('<')}")


def test_a_batch_that_went_away_is_named(release):
    found = units(release)
    os.unlink(release / "data_batch_2.bin")
    with pytest.raises(UserError, match=r"data_batch_2\.bin: could not be read"):
        read_unit(found[1])


@pytest.mark.parametrize("folder, said", [("", "blank"), ("  ", "blank"), ("none", "no such folder"),
                                          ("void", "found none of them")])
def test_folders_without_batches_are_one_line(tmp_path, monkeypatch, folder, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "void").mkdir()
    with pytest.raises(UserError, match=said):
        units(folder)


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "cifar-10-batches-py/data_batch_5",
                                  "cifar-10-batches-mat/test_batch.mat"])
def test_another_edition_says_what_to_fetch(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"a pickle, say")
    for folder in {tmp_path, (tmp_path / name).parent}:
        with pytest.raises(UserError, match="found another edition of CIFAR-10, .* fetch cifar-10-binary.tar.gz") as caught:
            units(folder)
        assert "\n" not in str(caught.value)
    write_cifar10(tmp_path)
    assert len(read_cifar10(tmp_path)) == 60           # beside the binary edition it does no harm


def test_other_files_named_like_batches_are_left_alone(tmp_path):
    (tmp_path / "my_batch.txt").write_text("notes")
    with pytest.raises(UserError, match="found none of them"):
        units(tmp_path)


def test_folders_may_have_other_letters_and_blanks(tmp_path):
    assert len(read_cifar10(write_cifar10(tmp_path / "ä 中 folder", 2))) == 6
