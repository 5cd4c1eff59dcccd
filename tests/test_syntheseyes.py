"""SynthesEyes' pickles: landmarks from them, nothing run by them, whatever is wrong with them counted."""

import numpy as np
import pytest
import torch
from releases import write_syntheseyes

from simgan_lib.datasets import syntheseyes
from simgan_lib.datasets.syntheseyes import read_syntheseyes
from simgan_lib.simulators.eyes import simulate


def test_the_pickles_are_left_alone_unless_they_are_asked_for(tmp_path):
    eyes = read_syntheseyes(write_syntheseyes(tmp_path, 3, change=lambda i, about: b"no pickle"))
    assert len(eyes) == 3 and set(eyes.labels) == {"gaze"}


@pytest.mark.parametrize("size", [(35, 55), (80, 120), (30, 60)])
def test_pupil_and_iris_come_from_the_pickles(tmp_path, size):
    eyes = read_syntheseyes(write_syntheseyes(tmp_path, 6), size=size, landmarks=True)
    written = simulate(6, 0, size=(80, 120)).labels["iris"]
    scale = min(80 / size[0], 120 / size[1])
    middle = torch.tensor([(120 - size[1] * scale) / 2, (80 - size[0] * scale) / 2])
    expected = (written[:, :2] + 0.5 - middle) / scale - 0.5
    assert len(eyes) == 6 and set(eyes.labels) == {"gaze", "pupil", "iris"}
    torch.testing.assert_close(eyes.labels["pupil"], expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(eyes.labels["iris"][:, :2], expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(eyes.labels["iris"][:, 2:4], written[:, 2:4] / scale, atol=1e-3, rtol=0)
    seen = torch.stack([image[0, round(y), round(x)] for image, (x, y) in zip(eyes.images, eyes.labels["pupil"].tolist())])
    assert (seen < eyes.images.float().mean((1, 2, 3)) - 15).float().mean() > 0.8


@pytest.mark.parametrize("axes", [np.eye(3), -np.eye(3), np.eye(3)[[2, 0, 1]], np.eye(3)[[1, 0, 2]]], ids=str)
def test_it_does_not_matter_which_axes_the_world_has(tmp_path, axes):
    def change(i, about):
        about["head_pose"] = (np.array(about["head_pose"]) @ axes).astype(np.float32)
        about["look_vec"] = np.array(about["look_vec"])
    eyes = read_syntheseyes(write_syntheseyes(tmp_path, 4, change=change), landmarks=True)
    assert len(eyes) == 4


def without(*keys):
    def change(i, about):
        if i == 1:
            for key in keys[:-1]:
                about = about[key]
            del about[keys[-1]]
    return change


def in_the_pickle(*keys, value):
    def change(i, about):
        if i == 1:
            inner = about
            for key in keys[:-1]:
                inner = inner[key]
            inner[keys[-1]] = value(inner[keys[-1]]) if callable(value) else value
    return change


def instead(content):
    return lambda i, about: content if i == 1 else None


def shared(depth=60):
    parts = []
    for _ in range(depth):
        parts = [parts, parts]
    return parts


ORDER = b"cos\nsystem\n(S'touch ran'\ntR."
PICKLES = {
    "damaged": (instead(b"\x80\x02}"), "pickle unreadable"), "a web page": (instead(b"<html>404</html>"), "pickle unreadable"),
    "calls": (instead(ORDER), "pickle unreadable"),
    "far too large": (instead(b"\x80\x02" + b"N0" * (1 << 19) + b"}."), "pickle unreadable"),
    "a list": (instead([1, 2]), "pickle without look_vec"),
    "shares its parts": (instead({"look_vec": shared()}), "pickle with other values"),
    "gaze that shares": (in_the_pickle("look_vec", value=shared()), "pickle with other values"),
    "landmarks that share": (in_the_pickle("ldmks", "ldmks_iris_2d", value=shared()), "pickle with other values"),
    "rows that share": (in_the_pickle("ldmks", "ldmks_iris_2d", value=[shared()] * 8), "pickle with other values"),
    "no look_vec": (without("look_vec"), "pickle without look_vec"),
    "no head_pose": (without("head_pose"), "pickle without head_pose"),
    "no landmarks": (without("ldmks"), "pickle without ldmks"),
    "no iris": (without("ldmks", "ldmks_iris_2d"), "pickle without ldmks_iris_2d"),
    "no pupil": (without("ldmks", "ldmks_pupil_2d"), "pickle without ldmks_pupil_2d"),
    "landmarks of a text": (in_the_pickle("ldmks", value="left"), "pickle without ldmks_pupil_2d"),
    "NaN": (in_the_pickle("ldmks", "ldmks_iris_2d", value=lambda rows: [(float("nan"), 1.0), *rows]), "pickle with other values"),
    "two points": (in_the_pickle("ldmks", "ldmks_iris_2d", value=lambda rows: rows[:2]), "pickle with other values"),
    "points of a number": (in_the_pickle("ldmks", "ldmks_iris_2d", value=np.array(3.0)), "pickle with other values"),
    "points in space": (in_the_pickle("ldmks", "ldmks_iris_2d", value=np.ones((8, 3))), "pickle with other values"),
    "number beyond all": (in_the_pickle("look_vec", value=(10 ** 400, 0, 1)), "pickle with other values"),
    "gaze of nothing": (in_the_pickle("look_vec", value=(0.0, 0.0, 0.0)), "pickle with other values"),
    "no rotation": (in_the_pickle("head_pose", value=np.ones((3, 3))), "pickle with other values"),
    "another gaze": (in_the_pickle("look_vec", value=(1.0, 1.0, 1.0)), "pickle and name disagree"),
    "pupil elsewhere": (in_the_pickle("ldmks", "ldmks_pupil_2d", value=lambda rows: [(x + 200, y) for x, y in rows]),
                        "pupil outside the picture"),
    "iris of a point": (in_the_pickle("ldmks", "ldmks_iris_2d", value=[(60, 40)] * 8), "eye too small"),
}


@pytest.mark.parametrize("change, reason", PICKLES.values(), ids=PICKLES)
def test_a_faulty_pickle_is_counted_and_runs_nothing(tmp_path, monkeypatch, change, reason):
    monkeypatch.chdir(tmp_path)
    eyes, skipped = syntheseyes.read_unit(*syntheseyes.units(write_syntheseyes(tmp_path, 3, change=change)), landmarks=True)
    assert len(eyes) == 2 and skipped == {reason: 1}
    assert not (tmp_path / "ran").exists()


def test_pictures_without_a_pickle_are_counted_and_keep_names_and_shapes(tmp_path):
    folder = write_syntheseyes(tmp_path, 3)
    first, *others = sorted((folder / "f01").glob("*.pkl"))
    first.unlink()
    assert "2 of 3, 1 pickle missing left out" in read_syntheseyes(folder, landmarks=True).source
    for path in others:
        path.unlink()
    eyes, skipped = syntheseyes.read_unit(*syntheseyes.units(folder), landmarks=True)
    assert skipped == {"pickle missing": 3} and eyes.labels["pupil"].shape == (0, 2) and eyes.labels["iris"].shape == (0, 5)
