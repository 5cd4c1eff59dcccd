"""Widgets without a browser: what happens to the bytes of the image when a control moves."""

import pytest

from simgan_lib import widgets


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
