"""The eye simulator and the stand-in camera: labels are exact, and each parameter moves what it names."""

import math

import numpy as np
import pytest
import torch

from simgan_lib.gaze import gaze_angles
from simgan_lib.images import resized
from simgan_lib.simulators import camera
from simgan_lib.simulators.camera import WILD, stand_in
from simgan_lib.simulators.eyes import PARTS, render, simulate
from simgan_lib.simulators.parameters import ANATOMY, EYE, PRIORS, default_parameters, draw_parameters
from simgan_lib.system.errors import UserError

SKIN, SCLERA, IRIS, PUPIL, GLINT = range(len(PARTS))
# Lids so wide, in mm, that the whole iris is seen, and no reflection in front of it.
WIDE_OPEN = {"upper_lid": 14.0, "lower_lid": 12.0, "head_pitch": 0.0, "head_yaw": 0.0, "glint": 0.0}


def drawn(n, seed=0, **fixed):
    return draw_parameters(n, torch.Generator().manual_seed(seed)).with_values(**fixed)


def centroids(mask):
    """Mean (x, y) of each boolean mask, (N, H, W) -> (N, 2)."""
    mask = mask.double()
    x, y = torch.arange(mask.shape[2]), torch.arange(mask.shape[1])[:, None]
    return torch.stack([(mask * x).sum((1, 2)), (mask * y).sum((1, 2))], -1) / mask.sum((1, 2))[:, None]


def inside_ellipse(ellipses, size):
    """Pixels whose centre lies in the ellipse (x, y, a, b, angle): (N, 5) -> bool (N, H, W)."""
    x, y, a, b, angle = ellipses[:, :, None, None].unbind(1)
    dx, dy = torch.arange(size[1]) - x, torch.arange(size[0])[:, None] - y
    along, across = dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin()
    return (along / a) ** 2 + (across / b) ** 2 < 1


def overlap(a, b):
    """Intersection over union of boolean masks, (N,)."""
    return (a & b).sum((1, 2)) / (a | b).sum((1, 2))


def one_moved(name, low, high, **others):
    """Two renderings of the slider's starting eye that differ in one parameter, at four times the usual size."""
    eyes = default_parameters(1).with_values(glint=0.0, **others)
    return [render(eyes.with_values(**{name: value}), (140, 220)) for value in (low, high)]


def share(images, *parts):
    """Share of the pixels that show one of `parts`."""
    return torch.isin(images.labels["parts"], torch.tensor(parts, dtype=torch.uint8)).float().mean().item()


def brightness(images, *parts):
    """Mean gray level of the pixels that show one of `parts`."""
    shown = torch.isin(images.labels["parts"], torch.tensor(parts, dtype=torch.uint8))
    return images.images[:, 0][shown].float().mean().item()


# ---- what comes out ----
def test_all_labels_of_an_eye():
    eyes = simulate(5, 0)
    assert eyes.images.shape == (5, 1, 35, 55) and eyes.images.dtype == torch.uint8
    shapes = {name: tuple(values.shape) for name, values in eyes.labels.items()}
    assert shapes == {"gaze": (5, 2), "pupil": (5, 2), "iris": (5, 5), "parts": (5, 35, 55)}
    assert eyes.labels["parts"].dtype == torch.uint8 and "simulat" in eyes.source


@pytest.mark.parametrize("size", [(35, 55), (36, 60), (72, 120), (11, 300), (8, 8)])
@pytest.mark.parametrize("colour", [False, True])
def test_any_size_in_gray_and_colour(size, colour):
    eyes = simulate(3, 0, size, colour)
    assert eyes.images.shape == (3, 3 if colour else 1, *size) and eyes.labels["parts"].shape == (3, *size)
    assert eyes.images.float().std() > 10


def test_gray_is_the_luminance_of_colour():
    gray, colour = simulate(20, 3).images.float(), simulate(20, 3, colour=True).images.float()
    luminance = (colour * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    clipped = (colour == 255).any(1, keepdim=True) | (gray == 255)       # a clipped channel is darker than it was
    assert (gray - luminance)[~clipped].abs().max() <= 1.5


def test_labels_do_not_depend_on_colour():
    gray, colour = simulate(20, 3), simulate(20, 3, colour=True)
    assert all(torch.equal(values, colour.labels[name]) for name, values in gray.labels.items())


def test_same_seed_same_images():
    for make in (simulate, stand_in):
        a, b, c = make(30, 5), make(30, 5), make(30, 6)
        assert torch.equal(a.images, b.images) and not torch.equal(a.images, c.images)
        assert all(torch.equal(values, b.labels[name]) for name, values in a.labels.items())


def test_drawing_does_not_touch_the_global_generator():
    before = torch.random.get_rng_state()
    simulate(3, 0)
    stand_in(3, 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_eye_looks_the_same_alone_and_in_a_crowd():
    eyes = drawn(70)                                                     # more than are rendered at a time
    together = render(eyes)
    for i in (0, 31, 63, 64, 69):
        alone = render(eyes.chunk(slice(i, i + 1)))
        assert (alone.images.int() - together.images[i:i + 1].int()).abs().max() <= 1
        torch.testing.assert_close(alone.labels["iris"], together.labels["iris"][i:i + 1])
        assert overlap(alone.labels["parts"] == IRIS, together.labels["parts"][i:i + 1] == IRIS) > 0.98


def test_no_eyes_and_no_such_parameter():
    for make in (simulate, stand_in):
        with pytest.raises(UserError, match="expected at least 1"):
            make(0, 0)
    with pytest.raises(UserError, match="no eye parameter eyelid; there are ambient"):
        default_parameters().with_values(eyelid=1.0)
    for wrong in ("wide", torch.zeros(2)):
        with pytest.raises(UserError, match=r"^values: expected numbers, or tensors \(3,\), found"):
            default_parameters(3).with_values(zoom=wrong)


def test_every_prior_has_its_default_within():
    for prior in (EYE, WILD):
        for name, one in prior.items():
            assert one.low <= one.default <= one.high, name
        values = draw_parameters(200, torch.Generator().manual_seed(0), prior).values
        assert all(prior[name].low <= v.min() and v.max() <= prior[name].high + 1e-5 for name, v in values.items())
        assert all(v.max() - v.min() > 0.8 * (prior[name].high - prior[name].low) for name, v in values.items())


def test_on_a_gpu_too():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    eyes = draw_parameters(50, torch.Generator("cuda").manual_seed(0))
    there = render(eyes)
    host = type(eyes)({name: v.cpu() for name, v in eyes.values.items()}, eyes.texture.cpu())
    here = render(host)
    assert (there.images.cpu().int() - here.images.int()).abs().float().mean() < 0.1
    for name in ("gaze", "pupil", "iris"):
        torch.testing.assert_close(there.labels[name].cpu(), here.labels[name], atol=1e-3, rtol=1e-4)


# ---- labels are exact ----
def test_the_pupil_is_recovered_from_its_mask():
    """What is left is the mask's own coarseness: a small pupil has 21 pixels; a finer mask comes nearer."""
    labels = render(drawn(1000, **WIDE_OPEN)).labels
    error = centroids(labels["parts"] == PUPIL) - labels["pupil"]
    assert (error.norm(dim=1) < 0.25).float().mean() > 0.98
    assert error.norm(dim=1).max() < 0.35 and error.mean(0).norm() < 0.02
    whole = centroids(labels["parts"] >= IRIS) - labels["pupil"]         # the iris around it has the same centre
    assert whole.norm(dim=1).max() < 0.25
    finer = render(drawn(100, **WIDE_OPEN), (140, 220)).labels
    error = (centroids(finer["parts"] == PUPIL) - finer["pupil"]) / 4    # in pixels of the usual size
    assert error.norm(dim=1).max() < 0.06


def test_the_iris_ellipse_is_the_edge_of_its_mask():
    for size in ((35, 55), (50, 50)):                                    # the second squeezes circles
        labels = render(drawn(200, **WIDE_OPEN), size).labels
        assert overlap(inside_ellipse(labels["iris"], size), labels["parts"] >= IRIS).min() > 0.99
        assert (labels["iris"][:, 2] >= labels["iris"][:, 3]).all()
        torch.testing.assert_close(labels["iris"][:, :2], labels["pupil"])


def test_in_even_light_the_pupil_is_the_darkest_place_of_a_pale_eye():
    eyes = render(drawn(100, iris_tone=0.9, lashes=0.1, ambient=1.0, **WIDE_OPEN))
    for i in range(100):
        image, parts = eyes.images[i, 0].float(), eyes.labels["parts"][i]
        assert image[parts == PUPIL].mean() < image[parts == IRIS].mean() < image[parts == SCLERA].mean()


def test_labels_scale_with_the_size():
    small, large = render(drawn(50), (35, 55)).labels, render(drawn(50), (70, 110)).labels
    assert torch.equal(small["gaze"], large["gaze"])
    torch.testing.assert_close(2 * (small["pupil"] + 0.5), large["pupil"] + 0.5, atol=1e-3, rtol=0)
    torch.testing.assert_close(2 * small["iris"][:, 2:4], large["iris"][:, 2:4], atol=1e-3, rtol=0)
    torch.testing.assert_close(small["iris"][:, 4], large["iris"][:, 4], atol=1e-3, rtol=0)


def test_gaze_label_is_what_was_asked_for():
    eyes = drawn(20)
    expected = torch.deg2rad(torch.stack([eyes["pitch"], eyes["yaw"]], -1))
    torch.testing.assert_close(render(eyes).labels["gaze"], expected)


def test_gaze_label_and_pupil_belong_together():
    """From the pupil back to the gaze: the eyeball turns about its centre, and the visual axis lies kappa nasal."""
    eyes = drawn(20, roll=0.0, zoom=1.0, shift_x=0.0, shift_y=0.0, eye_x=0.0, eye_y=0.0, head_yaw=0.0, head_pitch=0.0)
    labels = render(eyes).labels
    offset = (labels["pupil"] - torch.tensor([27.0, 17.0])) * torch.tensor([37.5 / 55, 22.5 / 35]) / 10.4    # mm / mm
    axis = torch.cat([offset, -(1 - offset.square().sum(1, keepdim=True)).sqrt()], 1)
    found = torch.rad2deg(gaze_angles(axis)) + torch.stack([eyes["kappa_up"], eyes["kappa"]], -1)
    torch.testing.assert_close(found, torch.rad2deg(labels["gaze"]), atol=0.01, rtol=0)


# ---- one parameter at a time ----
def test_looking_up_moves_the_pupil_up_and_the_upper_lid_with_it():
    down, up = one_moved("pitch", -15.0, 5.0)
    assert up.labels["pupil"][0, 1] < down.labels["pupil"][0, 1] - 10
    torch.testing.assert_close(up.labels["pupil"][0, 0], down.labels["pupil"][0, 0], atol=1.0, rtol=0)
    assert share(up, SCLERA, IRIS, PUPIL) > share(down, SCLERA, IRIS, PUPIL)


def test_looking_to_the_left_moves_the_pupil_to_the_left():
    right, left = one_moved("yaw", -15.0, 15.0)
    assert left.labels["pupil"][0, 0] < right.labels["pupil"][0, 0] - 20
    torch.testing.assert_close(left.labels["pupil"][0, 1], right.labels["pupil"][0, 1], atol=1e-3, rtol=0)


@pytest.mark.parametrize("name, low, high, step", [
    ("shift_x", -1.0, 1.0, (2.0, 0.0)), ("shift_y", -1.0, 1.0, (0.0, 2.0)), ("eye_x", -0.5, 0.5, (1.0, 0.0)),
    ("eye_y", -2.0, -1.0, (0.0, 1.0))])
def test_what_is_shifted_moves_by_its_millimetres(name, low, high, step):
    before, after = one_moved(name, low, high)
    per_mm = torch.tensor([220 / 37.5, 140 / 22.5])
    moved = (after.labels["pupil"] - before.labels["pupil"])[0] / per_mm
    torch.testing.assert_close(moved, torch.tensor(step), atol=1e-3, rtol=0)


def test_kappa_moves_the_pupil_but_not_the_label():
    for name, axis in (("kappa", 0), ("kappa_up", 1)):
        none, much = one_moved(name, 0.0, 5.0)
        assert torch.equal(none.labels["gaze"], much.labels["gaze"])
        moved = (much.labels["pupil"] - none.labels["pupil"])[0]
        assert moved[axis] > 3 and moved[1 - axis].abs() < 0.2           # away from the nose, and down


def test_a_turned_head_moves_the_iris_between_the_corners():
    right, left = one_moved("head_yaw", -10.0, 10.0)
    assert left.labels["pupil"][0, 0] > right.labels["pupil"][0, 0] + 5  # the gaze stays: the eyeball lies behind
    assert torch.equal(left.labels["gaze"], right.labels["gaze"])


def test_zoom_and_roll_are_of_the_crop():
    small, large = one_moved("zoom", 0.8, 1.2)
    torch.testing.assert_close(large.labels["iris"][:, 2:4], 1.5 * small.labels["iris"][:, 2:4])
    level, rolled = one_moved("roll", 0.0, 10.0)
    middle, turn = torch.tensor([109.5, 69.5]), math.radians(10)
    to, start = (rolled.labels["pupil"][0] - middle), (level.labels["pupil"][0] - middle)
    stretch = torch.tensor([220 / 37.5, 140 / 22.5])
    to, start = to / stretch, start / stretch
    turned = torch.stack([start[0] * math.cos(turn) - start[1] * math.sin(turn),
                          start[0] * math.sin(turn) + start[1] * math.cos(turn)])
    torch.testing.assert_close(to, turned, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name, low, high, parts, sign", [
    ("upper_lid", 5.0, 8.0, (SCLERA, IRIS, PUPIL), 1), ("lower_lid", 2.0, 5.0, (SCLERA, IRIS, PUPIL), 1),
    ("half_width", 13.0, 17.0, (SCLERA,), 1), ("pupil_radius", 1.6, 3.4, (PUPIL,), 1),
    ("pupil_radius", 1.6, 3.4, (IRIS,), -1), ("iris_radius", 5.4, 6.4, (IRIS,), 1),
    ("iris_radius", 5.4, 6.4, (PUPIL,), 0), ("iris_radius", 5.4, 6.4, (SCLERA,), -1),
    ("lid_shape", 0.55, 0.95, (SCLERA, IRIS, PUPIL), -1)])
def test_what_grows(name, low, high, parts, sign):
    before, after = one_moved(name, low, high)
    grown = share(after, *parts) - share(before, *parts)
    assert grown * sign > 0.003 if sign else abs(grown) < 1e-6


def test_the_pupil_has_its_radius():
    for radius in (1.6, 2.4, 3.4):
        eyes = render(default_parameters(1).with_values(pupil_radius=radius, zoom=1.0, **WIDE_OPEN), (350, 550))
        a, b = eyes.labels["iris"][0, 2:4] * radius / 5.9
        pixels = (eyes.labels["parts"] == PUPIL).sum()
        assert abs(pixels / (math.pi * a * b) - 1) < 0.02


def test_tilt_raises_the_outer_corner():
    def slope(eyes):
        opening = eyes.labels["parts"][0] > SKIN
        y, x = torch.nonzero(opening).double().unbind(1)
        return ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()

    level, tilted = one_moved("tilt", -1.0, 6.0)
    assert slope(tilted) < slope(level) - 0.05                           # right is outer, and up is negative


def test_lid_peak_moves_the_highest_place_of_the_lid():
    def peak(eyes):
        opening = (eyes.labels["parts"][0] > SKIN).double()
        top = torch.where(opening.any(0), opening.argmax(0), 1000)
        return torch.nonzero(top == top.min()).double().mean()

    nasal, temporal = one_moved("lid_peak", -0.2, 0.15, tilt=0.0)
    assert peak(temporal) > peak(nasal) + 5


@pytest.mark.parametrize("name, low, high, parts, sign", [
    ("exposure", 0.7, 1.2, (SKIN, SCLERA, IRIS), 1), ("skin", 0.15, 1.0, (SKIN,), 1),
    ("iris_tone", 0.0, 1.0, (IRIS,), 1), ("sclera", 0.5, 0.85, (SCLERA,), 1),
    ("lashes", 0.1, 0.9, (SKIN, SCLERA, IRIS, PUPIL), -1),
    ("brow_dark", 0.0, 0.9, (SKIN,), -1), ("crease_depth", 0.0, 1.0, (SKIN,), -1), ("bag", 0.0, 1.0, (SKIN,), None),
    ("socket", 0.1, 1.0, (SKIN,), None), ("veins", 0.0, 1.0, (SCLERA,), -1), ("light_x", -0.9, 0.9, (SKIN,), None),
    ("light_y", -1.0, 0.3, (SKIN,), None), ("ambient", 0.2, 0.7, (SKIN,), None), ("limbus", 0.2, 0.8, (IRIS,), 1),
    ("grain", 0.2, 1.0, (SKIN,), None), ("crease", 1.2, 4.5, (SKIN,), None), ("lash_length", 0.8, 2.8, (SKIN,), None)])
def test_what_changes_in_brightness_alone(name, low, high, parts, sign):
    before, after = one_moved(name, low, high, brow=10.5, crease_depth=1.0) if name == "crease" else one_moved(
        name, low, high, brow=10.5)
    assert torch.equal(before.labels["parts"], after.labels["parts"]), "looks only: geometry stays"
    assert torch.equal(before.labels["iris"], after.labels["iris"])
    if sign:
        assert sign * (brightness(after, *parts) - brightness(before, *parts)) > 0.5
    else:
        assert (after.images.float() - before.images.float()).abs().mean() > 0.3


def test_light_comes_from_where_it_is_said():
    def skin_by_halves(eyes):
        image = eyes.images[0, 0].float()
        skin = eyes.labels["parts"][0] == SKIN
        return image[:, :90][skin[:, :90]].mean() / image[:, 130:][skin[:, 130:]].mean()

    from_left, from_right = one_moved("light_x", -0.9, 0.9)
    assert skin_by_halves(from_left) > 1.05 * skin_by_halves(from_right)


def test_a_higher_brow_leaves_the_picture():
    low, high = one_moved("brow", 9.0, 17.0, brow_dark=0.9)
    assert brightness(high, SKIN) > brightness(low, SKIN) + 1


def test_glint_is_bright_grows_and_can_be_absent():
    eyes = default_parameters(1).with_values(upper_lid=14.0, lower_lid=12.0)
    none, weak, strong, large = (render(eyes.with_values(glint=strength, glint_size=size), (140, 220))
                                 for strength, size in ((0.1, 0.6), (0.5, 0.6), (1.0, 0.6), (1.0, 1.0)))
    assert share(none, GLINT) == 0 < share(weak, GLINT) == share(strong, GLINT) < share(large, GLINT)
    place = strong.labels["parts"] == GLINT
    levels = [one.images[:, 0][place].float().mean() for one in (none, weak, strong)]
    assert levels[0] + 20 < levels[1] < levels[2] - 20


def test_skin_red_is_seen_in_colour():
    eyes = [render(default_parameters(1).with_values(skin_red=value), colour=True) for value in (0, 1)]
    pale, red = (one.images[0].float().mean((1, 2)) for one in eyes)
    assert red[0] / red[2] > pale[0] / pale[2] * 1.05


# ---- the stand-in camera ----
def opencv_equalised(image):
    """OpenCV's equalizeHist, written out: look-up by the cumulated histogram without its first filled bin."""
    counts = np.bincount(image.ravel(), minlength=256)
    first = np.flatnonzero(counts)[0]
    if counts[first] == image.size:
        return image
    cumulated = counts.cumsum() - counts[first]
    return np.rint(255 * np.clip(cumulated, 0, None) / (image.size - counts[first])).astype(np.uint8)[image]


def test_equalisation_is_opencvs():
    images = torch.cat([simulate(20, 0).images, stand_in(10, 0).images])
    images[0], images[1, 0, :5] = 10 + images[0] // 8, 0                 # few levels; many pixels of one level
    for image, ours in zip(images, camera.equalised(images)):
        np.testing.assert_array_equal(ours[0].numpy(), opencv_equalised(image[0].numpy()))


def test_an_equalised_histogram_is_flat():
    random = torch.Generator().manual_seed(0)
    images = (50 + 60 * torch.rand(4, 1, 200, 200, generator=random) ** 1.5).to(torch.uint8)
    equal = camera.equalised(images)
    for image in equal:
        share_below = torch.stack([(image <= level).float().mean() for level in range(0, 256, 16)])
        assert (share_below - torch.arange(0, 256, 16) / 255).max() < 0.12
    assert torch.equal(camera.equalised(equal), equal)                   # equalised already: nothing to do


def test_stand_in_images_are_equalised():
    images = stand_in(100, 0, size=(36, 60)).images.float()
    assert abs(images.mean() - 127.5) < 4 and abs(images.flatten(1).std(1).mean() - 73.6) < 5


def test_a_plane_stays_under_blur_and_so_does_the_mean():
    random = torch.Generator().manual_seed(0)
    sigma = torch.tensor([0.35, 0.7, 1.25])[:, None, None, None]
    flat = torch.full((3, 1, 36, 60), 0.4)
    torch.testing.assert_close(camera.defocus(flat, sigma), flat)
    dots = torch.zeros(3, 1, 36, 60)
    dots[:, :, 10:26, 10:50] = torch.rand(3, 1, 16, 40, generator=random)
    blurred = camera.defocus(dots, sigma)
    torch.testing.assert_close(blurred.mean((1, 2, 3)), dots.mean((1, 2, 3)))
    spread = blurred.flatten(1).std(1)
    assert dots.flatten(1).std(1)[0] > spread[0] > spread[1] > spread[2]


def test_blur_has_its_width():
    dot = torch.zeros(2, 1, 41, 41)
    dot[:, :, 20, 20] = 1
    sigma = torch.tensor([0.7, 1.2])
    blurred = camera.defocus(dot, sigma[:, None, None, None])[:, 0]
    reach = torch.arange(41) - 20.0
    for axis in (1, 2):
        variance = (blurred.sum(axis) * reach**2).sum(1)
        torch.testing.assert_close(variance.sqrt(), sigma, atol=0.02, rtol=0)


def test_compression_loses_less_the_second_time():
    x = simulate(10, 0, (36, 60)).images.float() / 255
    step = torch.full((10, 1, 1, 1), 0.03)
    once = camera.compress(x, step)
    twice = camera.compress(once, step)
    first, second = (once - x).abs().mean(), (twice - once).abs().mean()
    assert once.shape == x.shape and 1e-3 < first < 0.03 and second < first / 4
    torch.testing.assert_close(camera.compress(x[..., :32, :56], step), once[..., :32, :56])   # block by block
    torch.testing.assert_close(camera.compress(x, step * 1e-4), x, atol=1e-4, rtol=0)


def test_a_day_shares_its_light_skin_and_exposure(monkeypatch):
    """What is rendered keeps a quarter of each image's own difference to the day's first image, and nothing else is shared."""
    rendered, original = [], camera.render
    monkeypatch.setattr(camera, "render", lambda eyes, *given, **named: (rendered.append(eyes), original(eyes, *given, **named))[1])
    stand_in(100, 0)                                          # days of 50
    eyes, = rendered
    drawn = draw_parameters(100, torch.Generator().manual_seed(0), WILD)
    for name in EYE:
        shared = name in ("light_x", "light_y", "ambient", "skin", "exposure")
        first = drawn[name][[0] * 50 + [50] * 50]
        expected = 0.75 * first + 0.25 * drawn[name] if shared else drawn[name]
        torch.testing.assert_close(eyes[name], expected, msg=name)


@pytest.fixture
def shot(monkeypatch):
    """What `stand_in` draws and photographs: [(eyes, size), ...] and [images, ...].  Its camera makes negatives."""
    drawn, taken, really = [], [], camera.render

    def watched(eyes, size, **named):
        drawn.append((eyes, size))
        return really(eyes, size, **named)

    def negative(images, generator):
        taken.append(images)
        return 255 - images
    monkeypatch.setattr(camera, "render", watched)
    monkeypatch.setattr(camera, "photograph", negative)
    return drawn, taken


@pytest.mark.parametrize("size, native", [((35, 55), (36, 60)), ((70, 110), (72, 120))])
def test_each_eye_goes_through_the_camera_once_at_the_size_of_the_releases_crops(shot, size, native, monkeypatch):
    monkeypatch.setattr(camera, "EXPOSED", 7)
    found, ((eyes, drawn_at),) = stand_in(20, 0, size), shot[0]
    assert drawn_at == native and [len(images) for images in shot[1]] == [7, 7, 6]
    expected = resized(255 - render(eyes, native).images, size)
    assert torch.equal(found.images, expected), "once, in order, and nothing after it but the scaling"


def test_a_days_light_is_that_of_its_pictures(shot):
    found = stand_in(200, 0)
    (eyes, _), = shot[0]
    day = np.unique(found.groups["day"], return_inverse=True)[1]
    apart = {name: np.mean([values.numpy()[day == d].std() for d in range(4)]) / (WILD[name].high - WILD[name].low) * 12**0.5
             for name, values in eyes.values.items()}           # 1: as far apart within a day as all that the prior has
    shared = {"light_x", "light_y", "ambient", "skin", "exposure"}
    assert all(0.15 < apart[name] < 0.35 if name in shared else apart[name] > 0.85 for name in apart), apart
    means = {name: [eyes[name].numpy()[day == d].mean() for d in range(4)] for name in shared}
    assert all(np.ptp(means[name]) > 0.2 * (WILD[name].high - WILD[name].low) for name in shared), "each day has its own"


@pytest.mark.parametrize("part", ["light", "tone", "defocus", "noise", "compression"])
def test_each_part_of_the_camera_takes_part_with_settings_of_each_pictures_own(part):
    """What a tone curve does, equalisation undoes again but for what was rounded or clipped."""
    images = simulate(1, 0, (36, 60)).images.expand(8, -1, -1, -1)
    taken, without = (camera.photograph(images, torch.Generator().manual_seed(0), parts) for parts in ((part,), ()))
    assert (taken != without).flatten(1).any(1).sum() >= 7 and len(taken.flatten(1).unique(dim=0)) >= 7
    everything = camera.photograph(images, torch.Generator().manual_seed(0))
    others = tuple(name for name in camera.PHOTOGRAPHED if name != part)
    assert not torch.equal(everything, camera.photograph(images, torch.Generator().manual_seed(0), others))


def test_days_are_named_and_of_about_fifty_images():
    eyes = stand_in(230, 0)
    days, counts = np.unique(eyes.groups["day"], return_counts=True)
    assert days.tolist() == ["day01", "day02", "day03", "day04"] and counts.min() >= 50 and counts.max() <= 60
    assert set(stand_in(3, 0).groups["day"]) == {"day01"}
    assert "stand-in" in eyes.source


def test_people_keep_their_anatomy_and_have_days_of_their_own(shot):
    """Of 7 people in 700 images each has 100, in two days; the light of a day is nobody else's."""
    found = stand_in(700, 0, people=7)
    (eyes, _), = shot[0]
    subjects, days = (np.asarray(found.groups[name]) for name in ("subject", "day"))
    assert np.unique(subjects, return_counts=True)[0].tolist() == [f"s{i:02d}" for i in range(7)]
    assert [len(set(days[subjects == name])) for name in np.unique(subjects)] == [2] * 7 and len(set(days)) == 14
    assert days[0] == "s00/day01" and days[-1] == "s06/day14"
    for name, values in eyes.values.items():
        each = [len(values[torch.from_numpy(subjects == who)].unique()) for who in np.unique(subjects)]
        assert each == [1] * 7 if name in ANATOMY else min(each) > 1, name
    assert len(eyes["eye_x"].unique()) == 7


def test_nobody_in_particular_is_what_there_always_was(shot):
    assert "subject" not in stand_in(60, 0).groups and len(shot[0][0][0]["eye_x"].unique()) == 60
    for wrong in (4, -1, 2.5):
        with pytest.raises(UserError, match=rf"people: expected a whole number .*3, found {wrong}"):
            stand_in(3, 0, people=wrong)


def test_priors_differ_in_what_they_say_they_do():
    """`people` have other eyes than `one`, look about as far, and are lit alike; the harder domain has their eyes and the looks."""
    one, people, wide = (PRIORS[name] for name in ("one", "people", "wide"))
    other = {name for name in one if people[name] != one[name]}
    assert {"kappa", "eye_x", "eye_y", "lower_lid", "upper_lid", "half_width", "head_yaw"} <= other
    assert not other & {"pitch", "yaw", "skin", "light_x", "exposure", "sclera"} and one == EYE
    assert all(people[name].high - people[name].low > one[name].high - one[name].low for name in other)
    assert all(camera.PEOPLE_WILD[name] == (people if name in other else WILD)[name] for name in one)
    assert wide["yaw"].high > 30 and wide["pitch"].high > 20
    for prior in PRIORS.values():
        assert all(r.low <= r.default <= r.high for r in prior.values()) and list(prior) == list(EYE)


def test_people_of_a_wide_prior_are_drawn_with_eyes_in_the_picture():
    """Rendered without a hole: nearly every eye shows some iris, and labels are those of the prior."""
    for name, prior in PRIORS.items():
        eyes = simulate(300, 3, prior=prior)
        assert ((eyes.labels["parts"] >= IRIS).flatten(1).sum(1) > 5).float().mean() > 0.97, name
        reach = torch.rad2deg(eyes.labels["gaze"]).abs().amax(0)
        assert (reach <= torch.tensor([max(-prior["pitch"].low, prior["pitch"].high), prior["yaw"].high]) + 1e-3).all()


@pytest.mark.parametrize("size", [(35, 55), (70, 110), (50, 50)])
def test_labels_fit_the_scaled_images(size):
    wild = {**WILD, **{name: EYE[name].__class__(value, value, value, "", "") for name, value in WIDE_OPEN.items()}}
    labels = stand_in(200, 0, size, prior=wild).labels
    assert (centroids(labels["parts"] >= IRIS) - labels["pupil"]).norm(dim=1).max() < 0.25
    assert overlap(inside_ellipse(labels["iris"], size), labels["parts"] >= IRIS).min() > 0.99


def test_stand_in_labels_are_those_of_the_eye_in_the_picture():
    """The dark disc lies at the pupil label: a label that were of another image would not be darker."""
    eyes = stand_in(200, 1)
    dark = inside_ellipse(eyes.labels["iris"], (35, 55)) & (eyes.labels["parts"] >= IRIS)
    for i in range(0, 200, 5):
        image = eyes.images[i, 0].float()
        assert image[dark[i]].mean() < image.mean()


def test_stand_in_differs_from_the_simulator():
    assert abs(stand_in(50, 0).images.float().std() - simulate(50, 0).images.float().std()) > 10
