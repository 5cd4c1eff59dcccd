"""Stand-in hands: labelled as the reader of NYU labels, exact but for what the camera does, and of several persons."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simgan_lib.images import check_labels
from simgan_lib.simulators import stand_in_hands as stand_in
from simgan_lib.simulators.hand_prior import draw_hands
from simgan_lib.simulators.hands import render_hands, simulate_hands
from simgan_lib.simulators.stand_in_hands import behind, photographed, stand_in_hands
from simgan_lib.system.errors import UserError


@pytest.fixture(scope="module")
def hands():
    return draw_hands(6, torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def seen(hands):
    return photographed(hands, torch.Generator().manual_seed(8))


def test_an_image_set_like_that_of_nyus_reader():
    images = stand_in_hands(3, 0, (64, 80))
    assert images.images.shape == (3, 1, 64, 80) and images.images.dtype == torch.uint8
    assert images.labels["joints"].shape == (3, 14, 3) and images.labels["joints"].dtype == torch.float32
    assert images.groups["person"] == ["person01"] * 3 and "stand-in" in images.source
    check_labels(images, "stand-in hands")


def test_the_same_seed_gives_the_same_images_and_another_others():
    a, b, c = (stand_in_hands(2, seed, (48, 48)) for seed in (6, 6, 7))
    assert torch.equal(a.images, b.images) and torch.equal(a.labels["joints"], b.labels["joints"])
    assert not torch.equal(a.images, c.images)


def test_the_images_are_of_several_persons_whose_bones_stay_as_long_as_they_are(monkeypatch):
    monkeypatch.setattr(stand_in, "EACH", 8)
    images = stand_in_hands(17, 1, (48, 48))
    people = np.array(images.groups["person"])
    assert (people == "person01").sum() == 9 and (people == "person02").sum() == 8
    x, y, z = images.labels["joints"].unbind(-1)
    nearer = 1 + z / 850                                           # hands are about 850 mm away: what is nearer looks larger
    places = torch.stack([(x - 23.5) * 300 / 48 * nearer, (y - 23.5) * 300 / 48 * nearer, z], -1)
    last = (places[:, 8] - places[:, 9]).norm(dim=1)               # the thumb's last bone
    own = [last[people == name] for name in ("person01", "person02")]
    assert max(each.std() for each in own) < 1.2 and (own[0].mean() - own[1].mean()).abs() > 3


def test_the_camera_leaves_joints_and_depth_in_their_place(hands, seen):
    clean = render_hands(hands)
    torch.testing.assert_close(seen.labels["joints"], clean.labels["joints"])
    both = (seen.images < 255) & (clean.images < 255)
    off = (seen.images.int() - clean.images.int())[both]
    assert off.float().mean().abs() < 1 and off.abs().float().median() <= 1          # of 255 for 300 mm
    assert both.sum() > 0.93 * (clean.images < 255).sum()


def test_the_camera_frays_outlines_and_leaves_steps(hands):
    """At 1 m a step is 2.83 mm, or 2.4 of the 255 levels of 300 mm."""
    far = hands.chunk(slice(0, 1)).with_values(depth=1000.0)
    seen, clean = photographed(far, torch.Generator().manual_seed(8)), render_hands(far)
    assert ((seen.images == 255) != (clean.images == 255)).sum() > 50
    assert len(seen.images.unique()) < 0.6 * len(clean.images.unique())


def one(value):
    return torch.tensor([[float(value)]])


def test_a_body_and_a_wall_stand_where_they_are_said_to():
    """A hand at 790 mm in the middle of the picture; the body's nearest line 210 mm behind it, its axis 147 mm to the left and
    96 mm deeper.  Its tangents, from (154.07 to 326.98) px, were found by solving for a double root."""
    columns = torch.arange(640)[None]
    mm = behind(columns, torch.tensor([[320.0, 240.0, 790.0]]), one(210), one(-147), one(160), one(900))[0]
    assert mm[0] == mm[639] == 1690                                                    # the wall
    body = (mm < 1690).nonzero()[:, 0]
    assert body[0] == 155 and body[-1] == 326
    axis = round(320 - 588.03 * 147 / 1096)
    assert mm[axis].item() == pytest.approx(1001, abs=2) and mm.min() > 998


def test_without_a_backdrop_the_cube_shows_the_hand_as_before_and_no_body(hands, monkeypatch):
    """A body 120 to 121 mm behind the hand is in the cube, at 90 % of its depth and more: gray levels above 225."""
    near = stand_in.BACKDROP | {"body": replace(stand_in.BACKDROP["body"], low=120, default=120, high=121)}
    bodied, alone = (photographed(hands, torch.Generator().manual_seed(8), backdrop=behind) for behind in (near, stand_in.ALONE))
    hand = render_hands(hands).images < 255
    outside = torch.nn.functional.max_pool2d(hand.float(), 9, 1, 4) == 0
    assert (bodied.images[outside] < 255).float().mean() > 0.1 and (alone.images[outside] == 255).all()
    assert ((bodied.images[outside] > 225).all())
    both = hand & (bodied.images < 200) & (alone.images < 200)
    assert (bodied.images[both].int() - alone.images[both].int()).abs().float().median() <= 1


def test_progress_is_told_to_the_end(hands):
    told = []
    photographed(hands, torch.Generator().manual_seed(0), (16, 16), progress=lambda *at: told.append(at))
    assert told[-1] == (6, 6)


@pytest.mark.parametrize(("n", "seed", "options", "words"), [
    (3, 0, {"size": (0, 5)}, r"size: expected \(rows, columns\)"), (3, 0, {"size": (5,)}, "size: expected"),
    (3, 0, {"size": (-3, 5)}, "size: expected"), (3, 0, {"size": 96}, "size: expected .* found 96"),
    (10**7, 0, {"size": (4096, 4096)}, "images of hands takes at least"),
    (0, 0, {}, "number of hands: expected a whole number from 1 to 10,000,000, found 0"),
    ("3", 0, {}, "number of hands: .* found '3'"),
    (3, None, {}, "seed: expected a whole number .* found None"), (3, -1, {}, "seed: .* found -1"),
    (3, 0, {"device": "gpu"}, "unknown device 'gpu'"), (3, 0, {"device": None}, "unknown device None")])
def test_what_cannot_be_made_is_refused_before_any_work(n, seed, options, words):
    for made in (stand_in_hands, simulate_hands):
        with pytest.raises(UserError, match=words):
            made(n, seed, **options)


def test_a_backdrop_without_a_wall_is_refused(hands):
    with pytest.raises(UserError, match="^backdrop: expected body, aside, half_width, wall, found body$"):
        photographed(hands, torch.Generator(), backdrop={"body": stand_in.BACKDROP["body"]})
