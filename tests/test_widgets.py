"""Widgets without a browser: what happens to the bytes of the image when a control moves."""

import base64
import io
import re

import ipywidgets
import pytest
import torch
from PIL import Image

from simgan_lib import figures
from simgan_lib.evaluation.turing import Session, Trials
from simgan_lib.simulators.parameters import EYE
from simgan_lib.system.errors import UserError
from simgan_lib.teaching import widgets


def shown(image):
    """(the picture that an image widget shows, its alternative text)."""
    alternative, png = re.search(r'alt="([^"]*)".*base64,([^"]*)"', image.value).groups()
    return Image.open(io.BytesIO(base64.b64decode(png))), alternative


def test_a_scrubber_shows_the_frame_of_its_slider_and_says_what_it_shows():
    frames = [(figures.canvas(cell=(1 + i, 1))[0], f"Frame {i}.") for i in range(3)]
    box = widgets.scrubber(frames, ["step 1", "step 2", "step 3"], dpi=50)
    for i in (0, 2):
        box.controls[0].value = i
        picture, alternative = shown(box.image)
        assert (picture.size, alternative, box.label.value) == ((50 + 50 * i, 50), f"step {i + 1}: Frame {i}.", f"step {i + 1}")
    assert len(set(box.frames)) == 3 and all(frame.startswith(b"\x89PNG") for frame in box.frames)


ONE = (figures.canvas()[0], "One.")


@pytest.mark.parametrize("frames, labels", [([], []), ([ONE], []), ([ONE], ["a", "b"])])
def test_a_scrubber_needs_a_label_for_each_frame(frames, labels):
    with pytest.raises(ValueError, match="as many labels as frames"):
        widgets.scrubber(frames, labels)


def test_every_parameter_of_the_eye_has_its_slider():
    sliders = {control.description: control for control in widgets.eye_sliders().controls[:-2]}
    assert set(sliders) == set(EYE) == {name for names in widgets.EYE_THEMES.values() for name in names}
    for name, slider in sliders.items():
        assert (slider.min, slider.value, slider.max) == (EYE[name].low, EYE[name].default, EYE[name].high)
        steps = (slider.value - slider.min) / slider.step                              # a browser rounds to whole ones
        assert abs(steps - round(steps)) < 1e-6, name


def test_moving_any_slider_changes_the_eye():
    box = widgets.eye_sliders(size=(35, 55))
    for slider in box.controls[:-2]:
        before, start = box.image.value, slider.value
        slider.value = slider.max if slider.max > slider.value else slider.min
        assert box.image.value != before, slider.description
        slider.value = start


def test_the_label_tells_the_gaze_and_the_switches_work():
    box = widgets.eye_sliders()
    pitch = next(control for control in box.controls if control.description == "pitch")
    pitch.value = -12.5
    assert "pitch -12.5" in box.label.value and shown(box.image)[1] == box.label.value
    for switch in box.controls[-2:]:
        before = box.image.value
        switch.value = not switch.value
        assert box.image.value != before


# ---- The visual Turing test ------------------------------------------------------------------------------------------

@pytest.fixture
def session(tmp_path):
    images = (torch.arange(8, dtype=torch.uint8)[:, None, None, None] * 30).expand(-1, 1, 4, 5).clone()
    return Session(Trials(images, torch.tensor([True, False] * 4)), tmp_path / "session.json")


def test_buttons_and_keys_are_one(session):
    labeller = widgets.Labeller(session)
    labeller.real.click()
    labeller.synthetic.click()
    labeller.keys.value += "r"
    assert session.answers == labeller.keys.value == "rsr" and labeller.bar.value == 3
    labeller.undo.click()
    labeller.keys.value = labeller.keys.value[:-1]                             # backspace
    assert session.answers == "r" and labeller.said.value == "1 of 8"


def test_several_keys_in_one_message_are_several_answers(session):
    labeller = widgets.Labeller(session)
    labeller.keys.value = "rsx S"
    assert session.answers == "rss"
    labeller.real.click()
    assert session.answers == labeller.keys.value == "rssr"


def test_each_image_is_shown_enlarged_and_nothing_else(session):
    labeller = widgets.Labeller(session, scale=6)
    for place in range(8):
        picture, alternative = shown(labeller.image)
        assert picture.size == (30, 24) and picture.getextrema() == (30 * place,) * 2
        assert alternative == f"crop {place + 1} of 8"                         # and no word of what it is
        labeller.real.click()


def test_the_result_comes_at_the_end_and_can_then_not_be_changed(session):
    labeller = widgets.Labeller(session)
    assert labeller.finish.disabled and labeller.undo.disabled
    for place in range(8):
        assert "right" not in labeller.said.value
        (labeller.real if place % 2 == 0 or place == 7 else labeller.synthetic).click()
    assert labeller.real.disabled and not labeller.finish.disabled and "right" not in labeller.said.value
    labeller.undo.click()
    labeller.real.click()
    labeller.finish.click()
    assert "7 of 8 right: 88 %" in labeller.said.value and "p = 0.035" in labeller.said.value
    assert labeller.undo.disabled and labeller.keys.disabled and session.answers == "rsrsrsrr"


def test_a_labeller_goes_on_where_the_session_was(session):
    widgets.Labeller(session).keys.value = "rsr"
    again = widgets.Labeller(Session(session.trials, session.path))
    assert again.keys.value == "" and again.bar.value == 3 and again.said.value == "3 of 8"
    assert shown(again.image)[0].getextrema() == (90, 90)
    again.keys.value = "s"
    assert Session(session.trials, session.path).answers == "rsrs"


def test_undo_reaches_the_answers_of_earlier_sittings(session):
    session.enter("rsr")
    labeller = widgets.Labeller(session)
    labeller.keys.value = "s"
    for kept, field in (("rsr", ""), ("rs", ""), ("r", "")):
        labeller.undo.click()
        assert (session.answers, labeller.keys.value, labeller.bar.value) == (kept, field, len(kept))
    labeller.synthetic.click()
    labeller.keys.value += "s"
    assert (session.answers, labeller.keys.value) == ("rss", "ss")


@pytest.mark.parametrize("field", ["rssrs", "srsrs", "rsrrs", "rrrs", "r", "s", ""],
                         ids=["inserted", "before the first", "before the last", "replaced", "all but one gone",
                              "all replaced by one", "emptied"])
@pytest.mark.parametrize("earlier", ["", "rr"])
def test_a_change_inside_the_field_is_undone_and_said(earlier, field, session, monkeypatch):
    session.enter(earlier)
    labeller = widgets.Labeller(session)
    labeller.keys.value = "rsrs"
    before, sent = session.path.read_bytes(), []
    monkeypatch.setattr(type(labeller.keys.comm), "kernel", object(), raising=False)             # as in a notebook
    monkeypatch.setattr(ipywidgets.Widget, "send_state", lambda self, key: sent.append((self, key, getattr(self, key))))
    labeller.keys.set_state({"value": field})                                   # what comes from it
    assert session.answers == earlier + "rsrs" and session.path.read_bytes() == before
    assert labeller.keys.value == "rsrs" and labeller.bar.value == len(earlier) + 4
    assert "only their end can change" in labeller.said.value
    assert (labeller.keys, "value", "rsrs") in sent                             # the browser hears of it
    labeller.keys.set_state({"value": "rsrss"})                                 # one types on
    assert session.answers == earlier + "rsrss" and labeller.said.value == f"{len(earlier) + 5} of 8"


def test_a_full_disk_is_said_and_the_answer_does_not_count(session, monkeypatch):
    labeller = widgets.Labeller(session)

    def fail(path, pieces):
        raise UserError(f"{path}: could not be written")
    monkeypatch.setattr("simgan_lib.evaluation.turing.write_whole", fail)
    labeller.real.click()
    assert "could not be written" in labeller.said.value and session.answers == "" and labeller.bar.value == 0


def test_a_colour_image_is_enlarged_in_colour():
    picture = Image.open(io.BytesIO(widgets.enlarged(torch.full((3, 4, 5), 7, dtype=torch.uint8), 3)))
    assert picture.mode == "RGB" and picture.size == (15, 12)
