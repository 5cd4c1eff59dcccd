"""The structured-light camera: its steps, shadows, frayed edges and gaps are those that the formulae foretell."""

import numpy as np
import pytest
import torch

from simgan_lib.simulators.depth_camera import DepthCamera, nyu_picture, window_weights
from simgan_lib.simulators.depth_camera import structured_light as seen_by
from simgan_lib.system.errors import UserError


def structured_light(scene, seed, *camera):
    return seen_by(scene, torch.Generator().manual_seed(seed), *camera)


def plane(mm=853.0, height=90, width=120):
    return torch.full((1, height, width), mm)


def plate(near=700.0, far=1400.0, left=70, right=150, height=300, width=240):
    """A plate in the columns left to right - 1, before a wall."""
    scene = plane(far, height, width)
    scene[:, :, left:right] = near
    return scene


def inner(image, margin=12):
    return image[..., margin:-margin, margin:-margin]


def test_depth_comes_in_steps_of_an_eighth_of_a_pixel_of_disparity():
    """853 mm: 853^2 / (8 * 588 * 75) = 2.06 mm."""
    slanted = (840 + torch.arange(240) * 0.11).expand(1, 80, 240)                      # 840 to 866 mm
    seen = inner(structured_light(slanted, 0))
    values = np.unique(seen.numpy())
    assert np.diff(values).mean() == pytest.approx(2.06, abs=0.1)
    assert (values == np.rint(values)).all()                                           # whole mm


def test_with_finer_steps_nothing_is_left_of_a_slant_but_its_rounding():
    slanted = (840 + torch.arange(240) * 0.11).expand(1, 80, 240)
    seen = structured_light(slanted, 0, DepthCamera(steps=1000, dot_error=0.0))
    assert inner(seen - slanted).abs().max() < 1.0                                     # a mm, and the window's tilt


def test_a_plane_far_from_edges_has_no_holes_and_stands_where_it_is():
    seen = inner(structured_light(plane(), 3))
    assert seen.isfinite().all() and (seen - 853).abs().max() <= 2.5                   # one step is 2.06 mm


def test_a_sphere_keeps_its_shape():
    y, x = torch.meshgrid(torch.arange(120) - 55.0, torch.arange(130) - 71.0, indexing="ij")
    sphere = 840 - (45.0**2 - x**2 - y**2).clamp_min(0).sqrt()
    sphere[x**2 + y**2 > 45.0**2] = torch.inf
    error = (structured_light(sphere[None], 1)[0] - sphere)[x**2 + y**2 < 30**2]
    assert error.isfinite().all() and error.abs().max() < 5 and error.mean().abs() < 0.7


def test_the_shadow_lies_on_the_right_and_is_as_wide_as_two_triangles_say():
    """588 * 75 * (1 / 700 - 1 / 1400) = 31.5 px; windows that reach into it fill 2 px or so from either side."""
    missing = structured_light(plate(), 5)[0, 20:-20].isnan()
    assert 26 < missing[:, 145:200].sum(1).float().mean() < 32
    assert missing[:, 155:178].all() and missing[:, 20:60].sum() == 0                 # none on the left
    assert missing[:, 60:80].sum(1).float().mean() < 1
    assert not missing[:, 190:220].any()


def test_a_narrow_thing_throws_its_shadow_apart_from_itself():
    """10 px wide, it is displaced by 31.5 px to columns 101 to 111, but for what windows fill; before them the wall is lit."""
    missing = structured_light(plate(left=70, right=80), 5)[0, 20:-20].isnan().float().mean(0)
    assert missing[84:98].max() < 0.1 and missing[106:108].min() > 0.9


def test_an_edge_stays_in_its_place_and_frays_in_patches_as_high_as_the_window():
    edge = (structured_light(plate(left=71, height=900), 2)[0, 20:-20] < 1000).int().argmax(1).double()
    assert edge.mean() == pytest.approx(71, abs=0.6) and 0.4 < edge.std() < 1.6
    off = edge - edge.mean()
    together = [(off[lag:] * off[:-lag]).mean() / off.var() for lag in (1, 4, 12)]
    assert together[0] > 0.5 and together[0] > together[1] + 0.3 and abs(together[2]) < 0.2


def test_where_nothing_is_and_beyond_two_metres_depth_is_missing():
    scene = torch.cat([plane(torch.inf), plane(2300.0), plane(1900.0)])
    seen = inner(structured_light(scene, 0)).isnan().flatten(1).float().mean(1)
    assert seen.tolist() == [1, 1, 0]


def test_more_is_missing_where_more_dots_must_agree():
    missing = [inner(structured_light(plate(), 0, DepthCamera(enough=enough))).isnan().sum() for enough in (0.05, 0.6)]
    assert missing[1] > 1.3 * missing[0]


def test_the_same_seed_gives_the_same_picture_and_another_another():
    a, b, c = (structured_light(plate(), seed) for seed in (4, 4, 5))
    torch.testing.assert_close(a, b, equal_nan=True, rtol=0, atol=0)
    assert ((a != c) & a.isfinite()).any()


def test_pictures_of_a_batch_lie_on_different_places_of_the_pattern():
    a, b = structured_light(plate().repeat(2, 1, 1), 4)
    assert (a.isnan() != b.isnan()).any()


def test_dots_count_less_the_farther_they_lie():
    """1 / (1.2 r)^2 at 1, sqrt 2 and 4 px; 1 at the centre."""
    weights = window_weights(DepthCamera())
    assert weights.shape == (9, 9)
    assert weights[4, 4:6].tolist() == pytest.approx([1, 0.6944], abs=1e-4)
    assert weights[3, 5].item() == pytest.approx(0.3472, abs=1e-4) and weights[0, 4].item() == pytest.approx(0.0434, abs=1e-4)


@pytest.mark.parametrize("depth, words", [
    (torch.ones(4, 5), r"\(4, 5\)"), (torch.ones(1, 4, 5, dtype=torch.int32), "int32"), ([[[1.0]]], "list"),
    (torch.zeros(1, 4, 5), "found 0"), (torch.ones(0, 4, 5), r"\(0, 4, 5\)"),
    (torch.full((1, 4, 5), torch.nan), "found nan"), (torch.full((1, 4, 5), -3.0), "found -3"),
])
def test_what_is_no_depth_is_refused(depth, words):
    with pytest.raises(UserError, match=words):
        structured_light(depth, 0)


@pytest.mark.parametrize("generator", [None, 3])
def test_without_a_generator_there_is_no_picture(generator):
    with pytest.raises(UserError, match=f"generator: expected a torch.Generator, found {generator}"):
        seen_by(plane(), generator)


@pytest.mark.parametrize("setting", [{"focal": 0}, {"baseline": -75.0}, {"steps": 0}, {"reach": 0.5}, {"cell": 0},
                                     {"enough": 2.0}, {"dot_error": float("nan")}, {"farthest": "far"}])
def test_a_camera_that_cannot_be_is_refused(setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        DepthCamera(**setting)


def test_a_picture_in_nyus_form_says_missing_depth_by_its_code():
    """737 = 2 * 256 + 225; 2001 = 7 * 256 + 209."""
    picture = nyu_picture(torch.tensor([[737.0, torch.nan, 1996.0], [2500.0, 0.4, 2001.0]]))
    assert picture.dtype == np.uint8 and picture.shape == (2, 3, 3)
    assert picture[0].tolist() == [[0, 2, 225], [0, 7, 209], [0, 7, 204]]
    assert picture[1].tolist() == [[0, 7, 209], [0, 0, 0], [0, 7, 209]]


@pytest.mark.parametrize("mm", [torch.ones(1, 4, 5), torch.full((4, 5), -1.0), "depth"])
def test_what_is_no_depth_makes_no_picture(mm):
    with pytest.raises(UserError, match="depth: expected"):
        nyu_picture(mm)
