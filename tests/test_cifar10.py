"""The reader of CIFAR-10's python batches."""

import pickle

import numpy as np
import pytest
import torch
from releases import write_cifar10

from simgan_lib.datasets.cifar10 import kinds, read_cifar10, read_unit, units
from simgan_lib.system.errors import UserError


@pytest.fixture
def release(tmp_path):
    return write_cifar10(tmp_path / "cifar-10-batches-py")


def test_all_batches_are_read_with_their_kinds_and_splits(release):
    pictures = read_cifar10(release)
    assert pictures.images.shape == (60, 3, 32, 32) and pictures.images.dtype == torch.uint8
    assert pictures.labels["kind"].dtype == torch.int64
    assert pictures.groups["split"].tolist() == ["train"] * 40 + ["test"] * 20
    assert pictures.source == "CIFAR-10: 60 of 60"
    written = pickle.loads((release / "test_batch").read_bytes())
    assert pictures.labels["kind"][40:].tolist() == written["labels"]
    np.testing.assert_array_equal(pictures.images[40:].flatten(1).numpy(), written["data"])


def test_colours_are_planes_of_rows(tmp_path):
    data = np.zeros((1, 3, 32, 32), np.uint8)
    data[0, 2, 5, 7] = 200                             # blue, row 5, column 7
    write_cifar10(tmp_path, 1, ["test_batch"], data=data.reshape(1, -1))
    assert read_cifar10(tmp_path).images[0, 2, 5, 7] == 200


def test_folder_of_the_archive_or_that_above_it_can_be_named(release):
    assert units(release) == units(release.parent) and len(units(release)) == 3


def test_names_of_kinds_come_from_the_release(release):
    assert kinds(release.parent)[:3] == ("airplane", "automobile", "bird")


def test_empty_pictures_are_skipped_and_counted(tmp_path):
    data = np.ones((4, 3072), np.uint8)
    data[1] = 0
    write_cifar10(tmp_path, 4, ["data_batch_1"], data=data)
    assert read_unit(*units(tmp_path))[1] == {"empty": 1}
    assert read_cifar10(tmp_path).source == "CIFAR-10: 3 of 4, 1 empty left out"


def test_a_batch_of_empty_pictures_keeps_shape_and_names(tmp_path):
    write_cifar10(tmp_path, 2, ["data_batch_1"], data=np.zeros((2, 3072), np.uint8))
    images, skipped = read_unit(*units(tmp_path))
    assert images.images.shape == (0, 3, 32, 32) and set(images.labels) == {"kind"} and set(images.groups) == {"split"}
    with pytest.raises(UserError, match="none of the 2 records"):
        read_cifar10(tmp_path)


@pytest.mark.parametrize("replaced, said", [
    ({"data": None}, "found batch_label, labels"), ({"labels": None}, "`data` and `labels`"),
    ({"data": np.ones((20, 3071), np.uint8)}, r"found uint8 \(20, 3071\)"),
    ({"data": np.ones((20, 3072))}, "found float64"), ({"data": np.ones(20, np.uint8)}, r"found uint8 \(20,\)"),
    ({"data": "text"}, "expected data uint8"), ({"data": [[1], [1, 2]]}, "found a list of 2"),
    ({"labels": [1] * 19}, "expected 20 whole numbers"), ({"labels": [0.5] * 20}, "whole numbers"),
    ({"labels": [10] * 20}, "labels 0 to 9, found 10"), ({"labels": [-1] * 20}, "found -1"), ({"labels": "no"}, "whole numbers"),
    ({"labels": [True] * 20}, "whole numbers"), ({"labels": np.zeros((20, 1), int)}, r"found int64 \(20, 1\)"),
])
def test_a_batch_built_differently_says_what_was_found(tmp_path, replaced, said):
    write_cifar10(tmp_path, 20, ["data_batch_1"], **replaced)
    with pytest.raises(UserError, match=said) as caught:
        read_cifar10(tmp_path)
    assert str(tmp_path / "data_batch_1") in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps([1, 2], 2), pickle.dumps({}, 2)],
                         ids=["empty", "HTML", "list", "nothing in it"])
@pytest.mark.parametrize("name", ["data_batch_1", "batches.meta"])
def test_what_is_no_batch_is_one_line(release, name, content):
    (release / name).write_bytes(content)
    with pytest.raises(UserError, match=name) as caught:
        (kinds if name == "batches.meta" else read_cifar10)(release)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_batch_cut_short_is_one_line(release, share):
    path = release / "data_batch_2"
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    with pytest.raises(UserError, match="data_batch_2"):
        read_cifar10(release)
    assert len(read_unit(units(release)[0])[0]) == 20  # the others can be read


@pytest.mark.parametrize("folder, said", [("", "blank"), ("  ", "blank"), ("none", "no such folder"), ("void", "no file named")])
def test_folders_without_batches_are_one_line(tmp_path, monkeypatch, folder, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "void").mkdir()
    with pytest.raises(UserError, match=said):
        units(folder)


def test_other_files_named_like_batches_are_left_alone(tmp_path):
    (tmp_path / "my_batch.txt").write_text("notes")
    with pytest.raises(UserError, match="found none of them"):
        units(tmp_path)


def test_folders_may_have_other_letters_and_blanks(tmp_path):
    assert len(read_cifar10(write_cifar10(tmp_path / "ä 中 folder", 2))) == 6


def shared(depth=60):
    """A list of two lists that are the same, and so on: some hundred bytes of pickle, 2 ** depth steps to walk."""
    parts = []
    for _ in range(depth):
        parts = [parts, parts]
    return parts


@pytest.mark.parametrize("replaced", [{"data": shared()}, {"labels": shared()}, {"labels": [shared()] * 20}],
                         ids=["data", "labels", "in a list of labels"])
def test_lists_that_share_their_parts_are_refused_at_once(tmp_path, replaced):
    write_cifar10(tmp_path, 20, ["data_batch_1"], **replaced)
    with pytest.raises(UserError, match="found a list of"):
        read_cifar10(tmp_path)


@pytest.mark.parametrize("content", [shared(), {"label_names": shared()}, {"label_names": [shared()] * 10}, {"label_names": "abc"}],
                         ids=["whole", "names", "in a list of names", "text"])
def test_names_of_kinds_that_are_none_are_refused_at_once(release, content):
    (release / "batches.meta").write_bytes(pickle.dumps(content, 2))
    with pytest.raises(UserError, match=r"batches\.meta: expected label_names"):
        kinds(release)


def test_labels_may_be_an_array(tmp_path):
    write_cifar10(tmp_path, 20, ["data_batch_1"], labels=np.arange(20, dtype=np.uint8) % 10)
    assert read_cifar10(tmp_path).labels["kind"].tolist() == [*range(10)] * 2
