"""The widget in which parts are painted, without a browser: what is taken over from it, what is kept, what is refused."""

import importlib
import re
import sys
import types
from pathlib import Path

import ipywidgets
import pytest
import torch
from PIL import Image

from simgan_lib.evaluation.masks import SEEN
from simgan_lib.system.errors import UserError
from simgan_lib.teaching import part_labeller, widgets
from simgan_lib.teaching.part_labeller import PartLabeller, read_mask

EYE = torch.arange(15, dtype=torch.uint8).reshape(3, 5) * 10
MASK = [[0, 0, 1, 1, 0], [0, 1, 2, 3, 1], [0, 0, 0, 2, 0]]                   # nothing in it is symmetric
PAINTED = bytes(sum(MASK, []))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "eye.png"


def paint(labeller, drawn=PAINTED):
    labeller.set_state({"drawn": memoryview(drawn)})                         # as a browser sends it


def put(path, pixels, mode="L", size=(5, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes(mode, size, bytes(pixels)).save(path, format="png")


def test_it_begins_with_all_skin_and_nothing_painted(path):
    labeller = PartLabeller(EYE, SEEN, path)
    assert labeller.mask.dtype == torch.uint8 and labeller.mask.tolist() == [[0] * 5] * 3
    assert not labeller.painted and not path.exists()


def test_what_is_painted_is_the_mask_and_lies_in_the_file(path):
    labeller = PartLabeller(EYE, SEEN, path)
    paint(labeller)
    assert labeller.mask.tolist() == MASK and labeller.painted and labeller.said == ""
    with Image.open(path) as file:
        assert (file.format, file.mode, file.size, file.tobytes()) == ("PNG", "L", (5, 3), PAINTED)
    paint(labeller, bytes(15))                                               # all undone
    assert not labeller.painted and read_mask(path, (3, 5), SEEN).tolist() == [[0] * 5] * 3


def test_without_a_file_the_mask_is_kept_in_memory():
    labeller = PartLabeller(EYE[None], SEEN)
    paint(labeller)
    assert labeller.mask.tolist() == MASK and labeller.said == ""


def test_the_next_labeller_goes_on_with_the_file(path):
    paint(PartLabeller(EYE, SEEN, path))
    again = PartLabeller(EYE, SEEN, path)
    assert again.mask.tolist() == read_mask(path, (3, 5), SEEN).tolist() == MASK and again.painted
    assert bytes(again.drawn) == PAINTED                                     # the browser shows it


def test_the_mask_that_is_handed_out_is_a_copy():
    labeller = PartLabeller(EYE, SEEN)
    labeller.mask.fill_(3)
    assert not labeller.painted


def test_the_browser_gets_the_image_row_by_row_and_a_colour_for_each_part_but_the_first():
    labeller = PartLabeller(EYE, SEEN, scale=6)
    assert list(labeller.image) == list(range(0, 150, 10))
    about = dict(labeller.about)
    colours = about.pop("colours")
    assert about == {"height": 3, "width": 5, "scale": 6, "parts": ["skin", "sclera", "iris", "pupil"]}
    assert len(set(colours)) == 3 and all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


@pytest.mark.parametrize("sent, why", [
    (memoryview(PAINTED[:-1]), "found 14 bytes, expected 3 x 5 bytes from 0 to 3"),
    (memoryview(PAINTED + b"\0"), "found 16 bytes"), (memoryview(b""), "found 0 bytes"),
    (memoryview(PAINTED[:-1] + b"\4"), "found the number 4"), ("skin", "found str"), (15, "found int"), (None, "found NoneType")])
def test_a_mask_that_is_none_is_refused_put_right_and_said(sent, why, path, monkeypatch):
    labeller = PartLabeller(EYE, SEEN, path)
    paint(labeller)
    before, heard = path.read_bytes(), []
    monkeypatch.setattr(type(labeller.comm), "kernel", object(), raising=False)                     # as in a notebook
    monkeypatch.setattr(ipywidgets.Widget, "send_state", lambda self, key: heard.append((key, getattr(self, key))))
    labeller.set_state({"drawn": sent})
    assert labeller.mask.tolist() == MASK and path.read_bytes() == before
    assert labeller.said.startswith("not taken over: ") and why in labeller.said
    assert ("drawn", PAINTED) in heard                                       # the browser shows what is kept
    paint(labeller, b"\1" + PAINTED[1:])
    assert labeller.mask[0, 0] == 1 and labeller.said == ""


def test_a_full_disk_is_said_and_the_mask_is_not_lost(path, monkeypatch):
    labeller = PartLabeller(EYE, SEEN, path)

    def fail(path, pieces):
        raise UserError(f"{path}: could not be written")
    with monkeypatch.context() as full:
        full.setattr(part_labeller, "write_whole", fail)
        paint(labeller)
    assert labeller.said == f"kept in this notebook only: {path}: could not be written" and labeller.mask.tolist() == MASK
    paint(labeller, b"\1" + PAINTED[1:])
    assert labeller.said == "" and path.exists()


@pytest.mark.parametrize("pixels, mode, size, why", [
    (PAINTED, "L", (3, 5), "found a PNG of mode L 5 x 3 pixels, expected an 8-bit gray PNG of the numbers of parts, L 3 x 5"),
    (PAINTED * 3, "RGB", (5, 3), "mode RGB 3 x 5"), (PAINTED, "P", (5, 3), "mode P 3 x 5"),
    (PAINTED[:-1] + b"\x05", "L", (5, 3), r"found the number 5, expected .* from 0 to 3 \(skin, sclera, iris, pupil\)")])
def test_a_file_of_other_size_or_parts_is_named_and_left_alone(pixels, mode, size, why, path):
    put(path, pixels, mode, size)
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"{re.escape(str(path))}: .*{why}"):
        PartLabeller(EYE, SEEN, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("spoil", [lambda png: png[:-30], lambda png: b"GIF89a" + png[6:], lambda png: b""],
                         ids=["cut short", "no PNG", "empty"])
def test_a_damaged_file_is_named_and_left_alone(spoil, path):
    put(path, PAINTED)
    spoiled = spoil(path.read_bytes())
    path.write_bytes(spoiled)
    with pytest.raises(UserError, match=f"{re.escape(str(path))}: not a readable 8-bit gray PNG .*; move it away to begin anew"):
        PartLabeller(EYE, SEEN, path)
    assert path.read_bytes() == spoiled


def test_a_picture_in_another_format_is_no_mask_whatever_its_name(path):
    path.parent.mkdir()
    Image.frombytes("L", (5, 3), PAINTED).save(path, format="bmp")
    with pytest.raises(UserError, match="not a readable 8-bit gray PNG"):
        read_mask(path, (3, 5), SEEN)


def test_a_place_that_cannot_be_written_is_said_before_one_paints(tmp_path):
    with pytest.raises(UserError, match="expected a file or nothing there, found a folder"):
        PartLabeller(EYE, SEEN, tmp_path)


@pytest.mark.parametrize("image", [EYE.float(), EYE.expand(3, 3, 5), EYE[None, None], EYE[0], EYE[:0]])
def test_an_image_of_another_kind_is_refused(image):
    with pytest.raises(ValueError, match=re.escape(f"found {image.dtype} {tuple(image.shape)}")):
        PartLabeller(image, SEEN)


@pytest.mark.parametrize("parts", [["skin"], ["skin", "skin"], list("abcdef")])
def test_there_are_two_to_five_parts_of_different_names(parts):
    with pytest.raises(ValueError, match="expected 2 to 5 different names, found"):
        PartLabeller(EYE, parts)


def test_a_missing_anywidget_is_one_clear_line_and_the_other_widgets_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, part_labeller.__name__)
    with pytest.raises(UserError, match="needs anywidget, which is not installed: pip install anywidget$"):
        importlib.import_module(part_labeller.__name__)
    importlib.reload(widgets)


# ---- shown ----
@pytest.fixture
def displayed(monkeypatch):
    calls = []
    monkeypatch.setattr(widgets, "display", lambda data, **how: calls.append((data, how)))
    return calls


def test_colab_is_told_where_the_code_of_the_widget_is(displayed, monkeypatch):
    colab = types.SimpleNamespace(enable_custom_widget_manager=lambda: None, _widgets=types.SimpleNamespace(_installed_url="a url"))
    monkeypatch.setitem(sys.modules, "google.colab.output", colab)
    labeller = PartLabeller(EYE, SEEN)
    widgets.show_widget(labeller, "An eye.")
    (data, how), = displayed
    assert data["text/plain"] == "An eye." and data[widgets.VIEW]["model_id"] == labeller.model_id
    assert how["metadata"] == {widgets.VIEW: {"colab": {"custom_widget_manager": {"url": "a url"}}}}


def test_elsewhere_and_for_plain_widgets_nothing_is_told(displayed):
    for widget in (PartLabeller(EYE, SEEN), ipywidgets.HTML()):
        widgets.show_widget(widget, "It.")
    assert [how["metadata"] for _, how in displayed] == [{}, {}]


def test_the_browsers_half_is_installed_with_the_kit():
    tomllib = pytest.importorskip("tomllib", reason="pyproject.toml is read with Python 3.11 or later")
    root = Path(__file__).parents[1]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["simgan_lib"]
    installed = {path for each in patterns for path in (root / "simgan_lib").glob(each)}
    assert Path(part_labeller.__file__).with_suffix(".js") in installed
    assert "export default { render }" in PartLabeller(EYE, SEEN)._esm       # what the browser is sent
