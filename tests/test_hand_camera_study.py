"""The study of the stand-in's camera judges as it says, and refuses what it cannot judge."""


import numpy as np
import pytest
from PIL import Image
from study_scripts import study_script

from simgan_lib.system.errors import UserError


@pytest.fixture(scope="module")
def study():
    return study_script("hand_camera")


def release(folder, pixels):
    """NYU's first test frame, of these pixels (480, 640, 3)."""
    (folder / "test").mkdir()
    Image.fromarray(pixels).save(folder / "test" / "depth_1_0000001.png")
    return folder


@pytest.mark.parametrize("ours, passes", [([1.0, 2.0], True), ([1.0, 1.0], True), ([0.9, 0.8], False), ([3.2, 3.2], False)])
def test_a_row_passes_within_the_factor_either_way(study, ours, passes):
    found = study.compared(1.5, ours, [1.0, 1.0], 1.5)
    assert found["passes"] is passes and found["ratio"] == pytest.approx(sum(ours) / 3)


def test_a_picture_without_a_statistic_is_not_left_out_in_silence(study):
    with pytest.raises(UserError, match="^1 of 3 pictures of ours lack a statistic"):
        study.compared(1.0, [1.0, np.nan, 1.0], [1.0], 1.5)


def test_the_real_picture_is_read_as_the_reader_of_nyu_reads_it(study, tmp_path):
    """3 x 256 + 7 = 775 mm; 2001 = 7 x 256 + 209 stands for missing."""
    pixels = np.full((480, 640, 3), (9, 3, 7), np.uint8)
    pixels[5, 6] = 9, 7, 209
    mm = study.real_picture(release(tmp_path, pixels))
    assert mm[0, 0] == 775 and np.isnan(mm[5, 6]) and np.isnan(mm).sum() == 1


def test_a_file_that_is_no_depth_picture_is_named(study, tmp_path):
    with pytest.raises(UserError, match="depth_1_0000001.png: expected NYU.s first test frame, found none"):
        study.real_picture(tmp_path)
    with pytest.raises(UserError, match="depth_1_0000001.png: expected one of NYU.s depth pictures, found: gray, not depth"):
        study.real_picture(release(tmp_path, np.full((480, 640, 3), 7, np.uint8)))
