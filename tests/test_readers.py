"""Readers of UnityEyes, SynthesEyes and of one's own folder: on releases written here, on damaged ones, on real samples."""

import json
import os
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image, ImageOps, PngImagePlugin
from releases import write_folder, write_syntheseyes, write_unityeyes

from simgan_lib.datasets import NAMES, base, reader
from simgan_lib.datasets.folder import read_folder
from simgan_lib.datasets.folder import units as folder_units
from simgan_lib.datasets.syntheseyes import read_syntheseyes
from simgan_lib.datasets.unityeyes import read_unit, read_unityeyes, units
from simgan_lib.images import ImageSet
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import UserError

TABLE = "file,pitch_deg,yaw_deg,subject\n0.png,-10,5,anna\nsub/1.jpg,0,0,bert\nsub/2.bmp,1,-2,anna\n"


def correlation(a, b):
    return np.corrcoef(a.numpy(), b.numpy())[0, 1]


# ---- UnityEyes -------------------------------------------------------------------------------------------------------

def test_written_renderings_come_back_with_their_labels(tmp_path):
    eyes, written = read_unityeyes(write_unityeyes(tmp_path, 6)), simulate(6, 0, size=(84, 140))
    assert eyes.images.shape == (6, 1, 35, 55) and "6 of 6" in eyes.source
    torch.testing.assert_close(eyes.labels["gaze"], written.labels["gaze"], atol=2e-4, rtol=0)
    assert (eyes.labels["iris"][:, 2] - 0.16 * 55).abs().max() < 0.05            # the crop is made to the iris


@pytest.mark.parametrize("size", [(480, 640), (600, 800)])
def test_the_pupil_lies_where_it_is_drawn(tmp_path, size):
    """Landmarks run upwards, pictures downwards: a slip would put the label on the cheek."""
    eyes = read_unityeyes(write_unityeyes(tmp_path, 12, size), size=(70, 110))
    x, y = eyes.labels["pupil"].round().long().unbind(1)
    seen = torch.stack([image[0, j, i] for image, i, j in zip(eyes.images, x, y)]).float()
    assert (seen < eyes.images.float().mean((1, 2, 3)) - 15).float().mean() > 0.8


@pytest.mark.parametrize("height", [200, 333])
def test_landmarks_run_upwards_from_the_bottom_edge_and_pictures_downwards(tmp_path, height):
    """An eye by hand: a tilted dark ellipse on gray, high up and to the right.  The crop is 125 px wide for its 20 px: 1 to 1."""
    x, y, a, b, angle = 180.0, 70.0, 20.0, 15.0, np.radians(30)              # from the top left corner, y down
    columns, rows = np.meshgrid(np.arange(300) + 0.5 - x, np.arange(height) + 0.5 - y)
    along, across = columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)
    picture = np.where((along / a) ** 2 + (across / b) ** 2 < 1, 30, 150).astype(np.uint8)
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    iris = [(x + a * np.cos(t) * np.cos(angle) - b * np.sin(t) * np.sin(angle),
             y + a * np.cos(t) * np.sin(angle) + b * np.sin(t) * np.cos(angle)) for t in turns]
    points = {"iris_2d": iris, "interior_margin_2d": [(120, 80), (180, 54), (240, 90)],
              "caruncle_2d": [(112, 85), (116, 84), (115, 88)]}
    about = {name: [f"({px}, {height - py}, 9.0)" for px, py in each] for name, each in points.items()}
    Image.fromarray(picture).save(tmp_path / "1.jpg", quality=100)
    (tmp_path / "1.json").write_text(json.dumps(about | {"eye_details": {"look_vec": "(-0.6, -0.48, -0.64, 0.0)"}}))
    eyes = read_unityeyes(tmp_path, size=(70, 125))
    # Corners from 112 to 240 and 54 to 90: the crop begins at 176 - 62.5 and 72 - 35; the middle of its first pixel is 0.
    expected = [180 - 113.5 - 0.5, 70 - 37 - 0.5]
    assert eyes.labels["pupil"][0].tolist() == pytest.approx(expected, abs=1e-3)
    assert eyes.labels["iris"][0, :4].tolist() == pytest.approx([*expected, 20, 15], abs=1e-3)
    assert np.sin(eyes.labels["iris"][0, 4].item() - angle) == pytest.approx(0, abs=1e-3)          # an axis has no direction
    down, across = torch.nonzero(eyes.images[0, 0] < 90).double().mean(0).tolist()
    assert [across, down] == pytest.approx(expected, abs=0.1), "the dark place lies where its label says"
    assert torch.rad2deg(eyes.labels["gaze"][0]).tolist() == pytest.approx([-28.685, 43.152], abs=1e-2)       # down, to the left


def test_colour_is_an_option(tmp_path):
    eyes = read_unityeyes(write_unityeyes(tmp_path, 2), colour=True)
    assert eyes.images.shape == (2, 3, 35, 55) and (eyes.images[:, 0] != eyes.images[:, 2]).any()


def test_an_eye_at_the_edge_is_cut_with_the_edge_repeated(tmp_path):
    def at_the_edge(_, about):
        for name in ("iris_2d", "interior_margin_2d", "caruncle_2d"):
            about[name] = [f"({float(t[1:].split(',')[0]) - 240:.4f}, {','.join(t.split(',')[1:])}" for t in about[name]]
    eyes = read_unityeyes(write_unityeyes(tmp_path, 2, change=at_the_edge))
    assert len(eyes) == 2 and (eyes.images[:, :, :, 0] == eyes.images[:, :, :, 1]).float().mean() > 0.9


def without(*keys):
    def change(i, about):
        if i == 1:
            inner = about
            for key in keys[:-1]:
                inner = inner[key]
            del inner[keys[-1]]
    return change


def replaced(key, value):
    def change(i, about):
        if i == 1:
            about[key] = value
    return change


def looking(text):
    return replaced("eye_details", {"look_vec": text})


FAULTS = {
    "no look_vec": (without("eye_details", "look_vec"), "json without look_vec"),
    "no details": (without("eye_details"), "json without eye_details"),
    "no iris": (without("iris_2d"), "json without iris_2d"),
    "no lids": (without("interior_margin_2d"), "json without interior_margin_2d"),
    "no caruncle": (without("caruncle_2d"), "json without caruncle_2d"),
    "NaN gaze": (looking("(nan, nan, nan, 0)"), "json with other values"),
    "zero gaze": (looking("(0, 0, 0, 0)"), "no gaze"),
    "gaze of words": (looking("straight ahead"), "json with other values"),
    "gaze of a number": (looking(7), "json with other values"),
    "two points": (replaced("iris_2d", ["(1, 2, 3)", "(2, 3, 4)"]), "json with other values"),
    "points of words": (replaced("iris_2d", ["here", "there", "where"]), "json with other values"),
    "decimal commas": (looking("(0,1312, -0,2077, -0,9693, 0,0000)"), "json with other values"),
    "a decimal comma in whole numbers": (looking("(0,131, 0, -1)"), "no gaze"),
    "a gaze of two numbers": (looking("(0.1, -0.9)"), "json with other values"),
    "NaN in a point": (replaced("caruncle_2d", ["(1, 2, 3)", "(2, 3, 4)", "(NaN, 241.2, 9.5)"]), "json with other values"),
    "a point of two numbers": (replaced("caruncle_2d", ["(1, 2)", "(2, 3, 4)", "(3, 4, 5)"]), "json with other values"),
    "an iris beside the eye": (replaced("iris_2d", [
        f"({120 + 20 * x}, {240 + 20 * y}, 9)" for x, y in ((-1, 0), (1, 0), (0, -1), (0, 1))]), "iris outside the eye"),
    "points in one place": (replaced("iris_2d", ["(320, 240, 9)"] * 32), "eye too small"),
    "points far outside": (replaced("interior_margin_2d", ["(9000, 9000, 9)"] * 4), "eye outside the picture"),
    "iris of a kilometre": (replaced("iris_2d", [
        f"({320 + x}, {240 + y}, 9)" for x, y in ((-1e6, 0), (1e6, 0), (0, -1e6), (0, 1e6))]),
                            "eye larger than the picture"),
    "lists in lists in lists": (lambda i, about: "[" * 100_000 if i == 1 else None, "json unreadable"),
    "json of megabytes": (lambda i, about: json.dumps(about | {"more": "x" * (1 << 22)}) if i == 1 else None, "json unreadable"),
    "truncated json": (lambda i, about: json.dumps(about)[:200] if i == 1 else None, "json unreadable"),
    "json of a list": (lambda i, about: "[1, 2]" if i == 1 else None, "json unreadable"),
    "a web page": (lambda i, about: "<!DOCTYPE html>" if i == 1 else None, "json unreadable"),
}


@pytest.mark.parametrize("change, reason", FAULTS.values(), ids=FAULTS)
def test_a_faulty_record_is_left_out_and_counted(tmp_path, change, reason):
    eyes, skipped = read_unit(*units(write_unityeyes(tmp_path, 3, change=change)))
    assert len(eyes) == 2 and skipped == {f"{reason}: 2.jpg": 1}


def damaged(kind):
    def damage(path):
        content = path.read_bytes()
        {"truncated": lambda: path.write_bytes(content[:300]), "web page": lambda: path.write_bytes(b"<!DOCTYPE html><html>"),
         "empty": lambda: path.write_bytes(b""), "missing": path.unlink,
         "flipped": lambda: path.write_bytes(b"\x00" + content[1:])}[kind]()
    return damage


def test_what_lies_beside_the_folder_imgs_is_counted_and_named(tmp_path):
    folder = write_unityeyes(tmp_path, 3)
    (folder / "imgs_of_monday").mkdir()
    for name in ("7.jpg", "7.json"):                              # a whole record, which is not where it is read
        (folder / name).write_bytes((folder / "imgs" / name.replace("7", "1")).read_bytes())
    *_, outside = units(folder)
    assert base.told(read_unit(outside)[1]) == ["3 not read: ../7.jpg, ../7.json, ../imgs_of_monday"]
    assert "UnityEyes: 3 of 6, 3 not read left out" in read_unityeyes(folder).source
    assert len(units(folder / "imgs")) == 1


@pytest.mark.parametrize("kind", ["truncated", "web page", "empty", "flipped"])
def test_a_damaged_picture_is_left_out_and_counted(tmp_path, kind):
    folder = write_unityeyes(tmp_path, 3)
    damaged(kind)(folder / "imgs" / "2.jpg")
    assert "2 of 3, 1 picture unreadable left out" in read_unityeyes(folder).source


def test_a_missing_json_is_counted_and_one_without_its_picture(tmp_path):
    folder = write_unityeyes(tmp_path, 3)
    (folder / "imgs" / "2.json").unlink()
    (folder / "imgs" / "3.jpg").unlink()
    assert "1 of 3, 1 json missing, 1 no picture .json left out" in read_unityeyes(folder).source


# ---- SynthesEyes -----------------------------------------------------------------------------------------------------

def test_the_gaze_is_in_the_name(tmp_path):
    write_syntheseyes(tmp_path, 3)
    eyes = read_syntheseyes(write_syntheseyes(tmp_path, 2, "m01", seed=1))
    assert eyes.images.shape == (5, 1, 35, 55) and eyes.groups["subject"].tolist() == ["f01"] * 3 + ["m01"] * 2
    torch.testing.assert_close(eyes.labels["gaze"][:3], simulate(3, 0, size=(80, 120)).labels["gaze"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name, reason", [("f01_1_0.1.png", "name without angles"), ("f01_1_9.0_0.0.png", "no gaze"),
                                          ("f01_1_x_y.png", "name without angles")])
def test_a_name_without_a_gaze_is_counted(tmp_path, name, reason):
    folder = write_syntheseyes(tmp_path, 2)
    Image.new("RGBA", (120, 80), "white").save(folder / "f01" / name)
    assert f"2 of 3, 1 {reason} left out" in read_syntheseyes(folder).source


def test_a_black_picture_is_counted(tmp_path):
    folder = write_syntheseyes(tmp_path, 2)
    Image.new("RGBA", (120, 80), "black").save(folder / "f01" / "f01_900_0.0_0.0.png")
    assert "1 empty" in read_syntheseyes(folder).source


# ---- a folder of one's own -------------------------------------------------------------------------------------------

def test_pictures_of_any_size_and_format(tmp_path):
    images = read_folder(write_folder(tmp_path), colour=True)
    assert images.images.shape == (3, 3, 35, 55) and not images.labels and not images.groups


def test_the_middle_of_a_picture_is_taken_and_scaled_neither_squeezed_nor_turned(tmp_path):
    picture = np.zeros((70, 160, 3), np.uint8)                   # of it columns 25 to 134 are taken, two pixels for one
    picture[10:14, 31:35, 0] = 255                               # red, in the upper left
    Image.fromarray(picture).save(tmp_path / "a.png")
    image, = read_folder(tmp_path, size=(35, 55), colour=True).images
    assert (image[0, 5:7, 3:5] > 150).all() and not image[1:].any()
    assert (torch.nonzero(image[0] > 60).double().mean(0) == torch.tensor([5.5, 3.5])).all()


def test_a_table_gives_gaze_and_groups(tmp_path):
    images = read_folder(write_folder(tmp_path, table=TABLE), labels="labels.csv")
    assert torch.rad2deg(images.labels["gaze"]).round().tolist() == [[-10, 5], [0, 0], [1, -2]]
    assert images.groups["subject"].tolist() == ["anna", "bert", "anna"]
    rest, anna = images.split("subject", ["anna"])
    assert len(rest) == 1 and len(anna) == 2


def test_gaze_vectors_and_groups_alone(tmp_path):
    vectors = "file,gaze_x,gaze_y,gaze_z\n0.png,0,0,-2\nsub/1.jpg,0,1,-1\nsub/2.bmp,-1,0,-1\n"
    images = read_folder(write_folder(tmp_path, table=vectors), labels=tmp_path / "labels.csv")
    torch.testing.assert_close(torch.rad2deg(images.labels["gaze"]), torch.tensor([[0.0, 0], [-45, 0], [0, 45]]), atol=1e-3, rtol=0)
    grouped = read_folder(write_folder(tmp_path, table="file,day\n0.png,1\nsub/1.jpg,2\nsub\\2.bmp,2\n"), labels="labels.csv")
    assert not grouped.labels and grouped.groups["day"].tolist() == ["1", "2", "2"]


@pytest.mark.parametrize("row", ["", "sub/1.jpg,0,0,x\n"])
def test_pictures_that_the_table_does_not_name_are_counted(tmp_path, row):
    table = "file,pitch_deg,yaw_deg,subject\n0.png,1,1,a\n" + row
    images = read_folder(write_folder(tmp_path, table=table), labels="labels.csv")
    assert len(images) == 1 + bool(row) and "not in the table left out" in images.source


TABLES = {
    "no file column": ("name,day\n0.png,1\n", "expected a column `file`"),
    "empty": ("", "expected a column `file`"),
    "half a gaze": ("file,pitch_deg\n0.png,1\n", "expected pitch_deg, yaw_deg or"),
    "two kinds of gaze": ("file,pitch_deg,yaw_deg,gaze_x,gaze_y,gaze_z\n0.png,1,1,0,0,-1\n", "expected pitch_deg, yaw_deg or"),
    "a word": ("file,pitch_deg,yaw_deg\n0.png,down,1\n", "line 2"),
    "NaN": ("file,pitch_deg,yaw_deg\n0.png,nan,1\n", "line 2: expected a number such as -0.25, found 'nan'"),
    "zero vector": ("file,gaze_x,gaze_y,gaze_z\n0.png,0,0,0\n", "line 2: expected a gaze"),
    "twice": ("file,day\n0.png,1\n0.png,2\n", "line 3: 0.png occurs twice"),
    "unknown picture": ("file,day\nnone.png,1\n", "not in .* such as none.png"),
    "too few values": ("file,day,subject\n0.png,1\n", "line 2: expected 3 values"),
    "pitch beyond straight up": ("file,pitch_deg,yaw_deg\n0.png,1,1\n\nsub/1.jpg,-90.5,0\n",
                                 "line 4: expected degrees, .* found -90.5 and 0"),
    "yaw beyond straight back": ("file,pitch_deg,yaw_deg\n0.png,0,181\n", "line 2: expected degrees"),
    "group with a slash": ("file,a/b\n0.png,1\n", "line 1: a column would be a group, .* found 'a/b'"),
    "group with a backslash": ("file,a\\b\n0.png,1\n", "line 1: a column"),
    "group above": ("file,..\n0.png,1\n", "line 1: a column"),
    "group without a name": ("file,\n0.png,1\n", "line 1: a column .* found ''"),
    "blank group": ("file, \n0.png,1\n", "line 1: a column .* found ' '"),
    "group of two lines": ('file,"a\nb"\n0.png,1\n', "a column .* found 'a.nb'"),
    "group with a bell": ("file,a\x07\n0.png,1\n", "a column"),
    "group of a whole book": (f"file,{'a' * 300}\n0.png,1\n", "a column .* found 'a{60}'"),
    "group of a device": ("file,Aux\n0.png,1\n", "a column .* found 'Aux'"),
    "a picture's group of a whole book": (f"file,day\n0.png,{'a' * 1001}\n", "line 2: expected values of at most"),
    "a group with a zero byte": ("file,day\n0.png,a\0\n", "line 2: expected values|not a readable CSV"),
    "number with a gap": ("file,pitch_deg,yaw_deg\n0.png,1_0,1\n", "line 2: expected a number"),
    "decimal comma": ('file,pitch_deg,yaw_deg\n0.png,"1,5",1\n', "line 2: expected a number"),
    "column twice": ("file,day,day\n0.png,1,2\n", "line 1: the column day occurs twice"),
    "column twice on some systems": ("file,day,Day\n0.png,1,2\n", "line 1: the column day occurs twice"),
    "no text": (b"\xff\xfe\x00\x81", "not a readable CSV file"),
}


@pytest.mark.parametrize("content, words", TABLES.values(), ids=TABLES)
def test_a_faulty_table_is_refused_by_name_and_line(tmp_path, content, words):
    write_folder(tmp_path)
    (tmp_path / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=words) as caught:
        folder_units(tmp_path, "labels.csv")
    assert "labels.csv" in str(caught.value)


@pytest.mark.parametrize("name", ["Gaze", "GAZE_X", "gaze x", "Pitch", "yaw", "yaw-deg", "yaw_rad", "ywa_deg",
                                  "gaz_x", "pupil x", "Pupil_diameter", "irisX"])
def test_a_column_that_is_nearly_called_as_a_label_does_not_become_a_group(tmp_path, name):
    """A gaze under another name would be dropped, and nobody would be told."""
    write_folder(tmp_path, table=f"file,subject,{name}\n0.png,anna,0.1\nsub/1.jpg,bert,0.2\n")
    with pytest.raises(UserError, match="labels.csv, line 1: the column .* is called like a label; expected pitch_deg, yaw_deg or"):
        folder_units(tmp_path, "labels.csv")


def test_what_was_taken_for_labels_and_what_for_groups_is_said(tmp_path):
    table = "file,light,yaw_deg,subject,pitch_deg\n0.png,0.5,0,anna,0\nsub/1.jpg,-1e3,0,bert,0\nsub/2.bmp,7,0,anna,0\n"
    assert read_folder(write_folder(tmp_path, table=table), labels="labels.csv").source.endswith(
        "pictures of a folder: 3 of 3; labels gaze; groups light (3 numbers), subject (2 names)")
    (tmp_path / "labels.csv").write_text("file,degree\n0.png,0.5\nsub/1.jpg,x\n")
    assert read_folder(tmp_path, labels="labels.csv").source.endswith("; labels none; groups degree (2 names)")
    assert read_folder(tmp_path).source.endswith("; labels none; groups none")


@pytest.mark.parametrize("name", ["subject", "day-2", "größe", "lid opening", "目", "age_x", "position", "degree", "look"])
def test_names_of_groups_become_files(tmp_path, name):
    table = f"file,{name}\n0.png,1\nsub/1.jpg,2\nsub/2.bmp,2\n"
    images = read_folder(write_folder(tmp_path / "in", table=table), labels="labels.csv")
    images.save(tmp_path / "out")
    assert ImageSet.load(tmp_path / "out").groups[name].tolist() == ["1", "2", "2"]


def test_angles_to_their_ends_are_read(tmp_path):
    table = "file,pitch_deg,yaw_deg\n0.png,-90,180\nsub/1.jpg,90,-180\nsub/2.bmp,0,0\n"
    gaze = read_folder(write_folder(tmp_path, table=table), labels="labels.csv").labels["gaze"]
    assert torch.rad2deg(gaze).round().tolist() == [[-90, 180], [90, -180], [0, 0]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright_as_their_exif_data_say(tmp_path, orientation):
    upright = np.zeros((70, 110, 3), np.uint8)
    upright[:35] = 200                                 # light from above
    upright[:, :55, 2] = 90
    stored = ImageOps.exif_transpose(_with_orientation(Image.fromarray(upright), {6: 8, 8: 6}.get(orientation, orientation)))
    stored.save(tmp_path / "a.png", exif=_with_orientation(stored, orientation).getexif())
    Image.fromarray(upright).save(tmp_path / "b.png")
    turned, expected = read_folder(tmp_path, colour=True).images
    assert (turned == expected).all()


def _with_orientation(picture, orientation):
    picture = picture.copy()
    picture.getexif()[0x0112] = orientation
    return picture


@pytest.mark.parametrize("name", ["a.tif", "a.webp", "a.png"])
def test_a_picture_of_several_frames_is_counted_as_such(tmp_path, name):
    """Its first frame is not all that it holds."""
    frames = [Image.new("L", (40, 30), gray) for gray in (50, 100, 150)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    frames[1].save(tmp_path / "b.png")
    eyes = read_folder(tmp_path, size=(30, 40))
    assert len(eyes) == 1 and "1 picture of several frames left out" in eyes.source


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(UserError, match="none.csv: could not be read .No such file"):
        folder_units(write_folder(tmp_path), "none.csv")


def test_a_vector_of_any_length_has_a_direction(tmp_path):
    """Also one whose square is no number any more."""
    vectors = "file,gaze_x,gaze_y,gaze_z\n0.png,0,-1e308,-1e308\nsub/1.jpg,1e200,0,0\nsub/2.bmp,0,0,-1e-5\n"
    gaze = read_folder(write_folder(tmp_path, table=vectors), labels="labels.csv").labels["gaze"]
    torch.testing.assert_close(torch.rad2deg(gaze), torch.tensor([[45.0, 0], [0, -90], [0, 0]]), atol=1e-3, rtol=0)


# ---- what lies in a folder ------------------------------------------------------------------------------------------

@pytest.mark.skipif(sys.platform == "win32", reason="links want rights there")
def test_linked_folders_are_read_and_each_folder_once(tmp_path):
    """A laboratory keeps each person's pictures elsewhere; a link up, or between two, is no endless walk."""
    folder, store = tmp_path / "in", tmp_path / "store" / "bea"
    write_folder(folder)
    write_folder(store)
    (folder / "bea").symlink_to(store)
    (store / "home").symlink_to(folder)
    (store / "sub" / "bea").symlink_to(store)
    (folder / "again").symlink_to("sub")
    images, skipped = read_folder(folder), base.listings(folder, "pictures")[1]
    assert len(images) == 6 and "6 of 9, 3 no picture left out" in images.source
    assert skipped == ["again", "bea/home", "bea/sub/bea"]
    table = "file,person\n0.png,anna\nbea/0.png,bea\nbea/sub/1.jpg,bea\n"
    (tmp_path / "labels.csv").write_text(table)
    assert read_folder(folder, labels=tmp_path / "labels.csv").groups["person"].tolist() == ["anna", "bea", "bea"]


def test_what_is_no_picture_is_counted_by_kind_and_named(tmp_path):
    write_folder(tmp_path, table=TABLE)
    for name in ("a.heic", "sub/b.heic", "notes", ".hidden.png", "frame.0001"):
        (tmp_path / name).write_bytes(b"x")
    unit, others = folder_units(tmp_path)
    assert len(reader("folder").read_unit(unit)[0]) == 3
    assert base.told(reader("folder").read_unit(others)[1]) == [
        "2 no picture: frame.0001, notes", "1 no picture .csv: labels.csv", "2 no picture .heic: a.heic, sub/b.heic"]
    assert "3 of 7" in read_folder(tmp_path, labels="labels.csv").source            # the table is read


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    write_folder(tmp_path)
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: scan(path) if not str(path).endswith("sub") else scan(tmp_path / "0.png"))
    with pytest.raises(UserError, match="could not be read .Not a directory"):
        read_folder(tmp_path)


def test_the_first_of_many_damaged_pictures_are_named(tmp_path):
    write_folder(tmp_path, sizes=[(8, 9)] * 9)
    for i in (1, 3, 4, 7):
        next(tmp_path.glob(f"sub/{i}.*")).write_bytes(b"\x89PNG")
    skipped = reader("folder").read_unit(*folder_units(tmp_path))[1]
    assert base.told(skipped) == ["4 picture unreadable: sub/1.jpg, sub/3.png, sub/4.jpg, ..."]
    assert "5 of 9, 4 picture unreadable left out" in read_folder(tmp_path).source


# ---- pictures -------------------------------------------------------------------------------------------------------

def test_a_picture_starts_no_program(tmp_path, monkeypatch):
    """Pillow hands PostScript to another program, whatever the file is called."""
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("a program was started"))
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 40\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(base.Unusable, match="picture unreadable"):
        base.read_picture(tmp_path / "a.png", "L")


@pytest.mark.parametrize("size, said", [((5793, 5793), "more than 33 million pixels"), ((20_000, 20_000), "more than 33"),
                                        ((9, 9), None)])
def test_a_picture_may_not_claim_more_pixels_than_fit(tmp_path, monkeypatch, size, said):
    """Nothing of it is unpacked: here there is nothing to unpack."""
    Image.new("1", size).save(tmp_path / "a.png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda _: 1 / 0)
    with pytest.raises(base.Unusable, match=said or "picture unreadable"):
        base.read_picture(tmp_path / "a.png", "L")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_picture_of_32_bits_is_not_guessed_at(tmp_path, mode):
    """White may be 1, 255, 4095 or anything: read as 16 bits, 255 is black."""
    Image.new(mode, (9, 9), 255).save(tmp_path / "a.tif")
    with pytest.raises(base.Unusable, match="picture of 32 bits"):
        base.read_picture(tmp_path / "a.tif", "L")


@pytest.mark.parametrize("mode, value, gray", [("I;16", 0x7FFF, 127), ("L", 9, 9), ("1", 1, 255), ("P", 0, 0), ("RGB", (9, 9,
                                                                                                                        9), 9)])
def test_pictures_of_each_mode(tmp_path, mode, value, gray):
    Image.new(mode, (4, 3), value).save(tmp_path / "a.png")
    assert (base.read_picture(tmp_path / "a.png", "L") == gray).all()
    assert base.read_picture(tmp_path / "a.png", "RGB").shape == (3, 3, 4)


def png_of_16_bits(path, values, kind):
    """values (H, W, bands); kind: 0 gray, 2 RGB, 4 gray with alpha, 6 RGB with alpha.  Pillow writes no coloured ones."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("kind, bands", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_the_12_bits_of_a_camera_do_not_become_a_dark_picture(tmp_path, kind, bands):
    values = np.full((3, 4, bands), 600, np.uint16)
    values[..., 1 if kind == 4 else 3:] = 65535                              # alpha: all of it can be seen
    values[1, 2, 0] = 4095
    with pytest.raises(base.Unusable, match="picture of 16 bits of which at most 12 are used"):
        base.read_picture(png_of_16_bits(tmp_path / "a.png", values, kind), "RGB", upright=True)
    values[1, 2, 0] = 65535                                                  # one glint: a dark picture of 16 bits
    assert base.read_picture(png_of_16_bits(tmp_path / "a.png", values, kind), "RGB")[0].unique().tolist() == [2, 255]
    values[..., :1 if kind == 4 else 3] = 0
    assert not base.read_picture(png_of_16_bits(tmp_path / "a.png", values, kind), "RGB").any()    # readers call it empty


def test_12_bits_in_a_tiff_are_told_and_a_picture_that_says_what_white_is_is_read(tmp_path):
    Image.new("I;16", (4, 3), 4095).save(tmp_path / "a.tif")
    with pytest.raises(base.Unusable, match="at most 12 are used"):
        base.read_picture(tmp_path / "a.tif", "L")
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 4095\n" + np.array([4095, 2048], ">u2").tobytes())
    assert base.read_picture(tmp_path / "a.pgm", "L").flatten().tolist() == [255, 127]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_a_picture_that_can_be_seen_through_is_not_read_and_one_that_could_be_is(tmp_path, mode):
    """What lies beneath its pixels is a colour that nobody was meant to see."""
    picture = Image.new("RGBA", (4, 3), (90, 90, 90, 255)).convert(mode)
    last = picture.getpixel((3, 2))
    clear = {"transparency": last} if mode in "PL" else {}
    picture.save(tmp_path / "opaque.png")
    if not clear:
        picture.putpixel((3, 2), (*last[:-1], 254))
    picture.save(tmp_path / "clear.png", **clear)
    assert (base.read_picture(tmp_path / "opaque.png", "L") == 90).all()
    with pytest.raises(base.Unusable, match="picture that can be seen through"):
        base.read_picture(tmp_path / "clear.png", "L")


# ---- numbers --------------------------------------------------------------------------------------------------------

@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_text_that_python_writes_is_its_number(value):
    assert base.number(repr(value)) == value


@given(st.text("0123456789+-.,eE_naif x\u0663", max_size=12))
def test_a_text_is_a_number_as_a_whole_or_not_at_all(text):
    try:
        found = base.number(text)
    except ValueError:
        assert not (text.isdigit() and text.isascii())
        return
    assert found == float(text) and np.isfinite(found) and not set(text) & set("_ ,nix\u0663")


@pytest.mark.parametrize("text", ["(0,5, 0,25, 1,0)", "(1, 2)", "(1, 2, 3, 4)", "1 2 3", "(1, 2, nan)", "((1, 2, 3))",
                                  "(1, 2, 3", "", "(1,, 3)", 3, None,
                                  ["1", "2", "3"]])
def test_a_tuple_of_other_numbers_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        base.vector(text, 3)


def test_a_tuple_is_read_with_or_without_brackets():
    assert base.vector(" (1.0, -2.5,3e-1) ", 3) == base.vector("[1,-2.5,.3]", 3, 4) == base.vector("1, -2.5, 0.3", 3) == [1,
                                                                                                                          -2.5, 0.3]


# ---- all of them -----------------------------------------------------------------------------------------------------

PICTURES = {"unityeyes": (write_unityeyes, read_unityeyes), "syntheseyes": (write_syntheseyes, read_syntheseyes),
            "folder": (write_folder, read_folder)}


@pytest.mark.parametrize("name", PICTURES)
def test_names_with_blanks_and_letters_of_other_languages(tmp_path, name):
    write, read = PICTURES[name]
    folder = tmp_path / "größe 目 " / "a b"
    folder.mkdir(parents=True)
    assert len(read(write(folder))) >= 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place, words", [("nowhere", "no such folder"), ("empty", "found no|no MPIIGaze|expected"),
                                          (" ", "blank|no such")])
def test_a_folder_without_a_release_is_refused(tmp_path, name, place, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        reader(name).units(tmp_path / place if place.strip() else place)


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_usable_is_an_error(tmp_path, name):
    write, read = PICTURES[name]
    for path in write(tmp_path).rglob("*"):
        if path.suffix in (".png", ".jpg", ".bmp"):
            path.write_bytes(b"<html>")
    with pytest.raises(UserError, match="can be used"):
        read(tmp_path)


def test_an_unknown_data_set_is_refused():
    with pytest.raises(UserError, match="expected one of cifar10"):
        reader("imagenet")


# ---- against the truth, on real samples ------------------------------------------------------------------------------

def test_unityeyes_looks_where_its_iris_is(samples):
    """Down and to the image's left are where the iris moves: with signs or axes exchanged this is near 0 or positive."""
    eyes = read_unityeyes(samples / "UnityEyes")
    assert len(eyes) > 100
    assert correlation(eyes.labels["gaze"][:, 1], eyes.labels["pupil"][:, 0]) < -0.75          # measured: -0.84
    assert correlation(eyes.labels["gaze"][:, 0], eyes.labels["pupil"][:, 1]) < -0.7           # measured: -0.81


def test_syntheseyes_looks_where_its_iris_is(samples):
    from simgan_lib.evaluation.pupil import pupil_centres
    eyes = read_syntheseyes(samples / "SynthesEyes")
    centres = pupil_centres(eyes.images)
    found = centres.isfinite().all(1)
    assert found.sum() >= 20
    assert correlation(eyes.labels["gaze"][found, 1], centres[found, 0]) < -0.5                # measured: -0.72
    assert correlation(eyes.labels["gaze"][found, 0], centres[found, 1]) < -0.6                # measured: -0.86


def test_mpiigaze_gaze_can_be_read_off_its_pixels(samples):
    """R2 of a linear regression, tested on days that it has not seen; with shuffled labels there is nothing to learn."""
    from sklearn.linear_model import Ridge

    from simgan_lib.datasets.mpiigaze import read_mpiigaze
    eyes = read_mpiigaze(samples / "MPIIGaze")
    rest, test = eyes.split("day", sorted(set(eyes.groups["day"].tolist()))[2::3])
    x, y = rest.images.flatten(1).numpy() / 255.0, rest.labels["gaze"].numpy()
    score = Ridge(alpha=100.0).fit(x, y).score(test.images.flatten(1).numpy() / 255.0, test.labels["gaze"].numpy())
    shuffled = np.random.default_rng(0).permutation(len(y))
    chance = Ridge(alpha=100.0).fit(x, y[shuffled]).score(test.images.flatten(1).numpy() / 255.0, test.labels["gaze"].numpy())
    assert score > 0.6 and abs(chance) < 0.15, (score, chance)         # measured: 0.77, and -0.02 to -0.08
