"""Widgets without a browser: what happens to the bytes of the image when a control moves."""

import pytest

from simgan_lib import widgets
from simgan_lib.simulators.parameters import EYE


def test_a_scrubber_shows_the_frame_of_its_slider():
    box = widgets.scrubber([b"first", b"second", b"third"], ["step 1", "step 2", "step 3"])
    assert (box.image.value, box.label.value) == (b"first", "step 1")
    box.controls[0].value = 2
    assert (box.image.value, box.label.value) == (b"third", "step 3")


@pytest.mark.parametrize("frames, labels", [([], []), ([b"one"], []), ([b"one"], ["a", "b"])])
def test_a_scrubber_needs_a_label_for_each_frame(frames, labels):
    with pytest.raises(ValueError, match="as many labels as frames"):
        widgets.scrubber(frames, labels)


def test_progress_says_how_much_time_is_left():
    bar = widgets.Progress("training", total=10)
    bar.update(5, seconds=20.0)
    assert bar.bar.value == 5 and bar.label.value == "5 of 10, 20 s left"
    bar.update(10, seconds=41.0)
    assert bar.bar.value == 10 and bar.label.value == "41 s"


def test_progress_skips_updates_that_nobody_could_see():
    bar = widgets.Progress("training", total=10)
    bar.update(1, seconds=1.0)
    bar.update(2, seconds=1.0 + widgets.EVERY / 2)
    assert bar.bar.value == 1


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
    assert "pitch -12.5" in box.label.value
    for switch in box.controls[-2:]:
        before = box.image.value
        switch.value = not switch.value
        assert box.image.value != before
