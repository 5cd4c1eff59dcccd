"""Checks of notebook 14: the camera and its inverse, which joints are seen, the curve of errors, joints from heat maps."""

import torch

from ... import hands
from ...evaluation import pose
from ...evaluation.hands import error_curve as library_curve
from .base import check, expect, expect_rule, plain, wrong_if


# ---- the camera ----
@check(hands.projected)
def projected(answer, draw):
    """Points (..., 3) mm, as places (..., 3): u, v px and z mm."""
    focal, centre = _camera(draw)
    points = hands.unprojected(_places(draw), focal, centre)
    right, (x, y, z) = hands.projected(points, focal, centre), points.unbind(-1)
    (fx, fy), (cx, cy) = focal, centre
    u, v = right[..., 0], right[..., 1]
    expect(answer(points, focal, centre), right, _of_places({
        "the focal lengths are exchanged: the first is that of x": (fy * x / z + cx, fx * y / z + cy, z),
        "the principal point is exchanged: its first number belongs to x": (u - cx + cy, v - cy + cx, z),
        "the principal point is missing: pixels are counted from the picture's corner": (u - cx, v - cy, z),
        "the principal point is taken off: it is added, for the axis meets the picture there": (u - 2 * cx, v - 2 * cy, z),
        "the principal point is divided by z, too: it is a place in the picture": (u - cx + cx / z, v - cy + cy / z, z),
        "x and y are exchanged: u belongs to x": (v, u, z),
        "y points down, as v does: nothing is turned upside down": (u, 2 * cy - v, z),
        "x points right, as u does: nothing is mirrored": (2 * cx - u, v, z),
        "the focal length of x stands for both": (u, fx * y / z + cy, z),
        "the focal length of y stands for both": (fy * x / z + cx, v, z),
        "nothing is divided by z: what is twice as far away looks half as large": (fx * x + cx, fy * y + cy, z),
        "multiplied by z: what is further away looks smaller": (fx * x * z + cx, fy * y * z + cy, z),
        "divided by the focal length: a longer one makes pictures larger": (x / z / fx + cx, y / z / fy + cy, z),
        "the focal length is missing": (x / z + cx, y / z + cy, z),
        "divided by the distance from the camera: a picture is plane, so z counts": _by_distance(points, focal, centre),
        "z becomes 1: keep the depth, without which there is no way back": (u, v, z / z),
        "z stands first: a place is u, v, z": (z, u, v),
    }) | {"rounded to whole pixels: a place lies anywhere in one": torch.cat([right[..., :2].round(), z[..., None]], -1),
          "the depth is missing: a place is u, v and z": right[..., :2],
          "the camera of NYU: take the focal lengths and the centre that are given": hands.projected(points)})
    moved = answer(2 * points, focal, centre)
    expect_rule("what is twice as large and twice as far away looks the same", moved, right * torch.tensor([1.0, 1.0, 2.0]))


@check(hands.unprojected)
def unprojected(answer, draw):
    """Places (..., 3), u, v px and z mm, as points (..., 3) mm: the way back."""
    (fx, fy), (cx, cy) = focal, centre = _camera(draw)
    places = _places(draw)
    right, (u, v, z) = hands.unprojected(places, focal, centre), places.unbind(-1)
    x, y = right[..., 0], right[..., 1]
    ray = torch.stack([x / z, y / z, torch.ones_like(z)], -1)
    expect(answer(places, focal, centre), right, _of_places({
        "the focal lengths are exchanged: the first is that of u": ((u - cx) * z / fy, (v - cy) * z / fx, z),
        "the principal point is exchanged: its first number belongs to u": ((u - cy) * z / fx, (v - cx) * z / fy, z),
        "the principal point is not taken off: pixels are counted from the picture's corner": (u * z / fx, v * z / fy, z),
        "the principal point is added: on the way back it is taken off": ((u + cx) * z / fx, (v + cy) * z / fy, z),
        "the principal point is taken off last: on the way back it comes first": (u * z / fx - cx, v * z / fy - cy, z),
        "x and y are exchanged: x belongs to u": (y, x, z),
        "y points down, as v does: nothing is turned upside down": (x, -y, z),
        "x points right, as u does: nothing is mirrored": (-x, y, z),
        "the focal length of x stands for both": (x, (v - cy) * z / fx, z),
        "the focal length of y stands for both": ((u - cx) * z / fy, y, z),
        "not multiplied by z: that is the ray, not the point on it": (x / z, y / z, z),
        "divided by z: one pixel covers more millimetres further away": (x / z / z, y / z / z, z),
        "multiplied by the focal length: on the way back it divides": (x * fx ** 2, y * fy ** 2, z),
        "the focal length is missing": (x * fx, y * fy, z),
        "z is the depth, not the distance along the ray": (ray / ray.norm(dim=-1, keepdim=True) * z[..., None]).unbind(-1),
        "z becomes 1: keep the depth": (x, y, z / z),
        "nothing has changed": (u, v, z),
    }) | {"the depth is missing: a point is x, y and z": right[..., :2],
          "the camera of NYU: take the focal lengths and the centre that are given": hands.unprojected(places)})
    expect_rule("a point on the camera's axis has x = y = 0",
                answer(torch.tensor([[cx, cy, 700.0]]), focal, centre), torch.tensor([[0.0, 0.0, 700.0]]))


def _of_places(mistakes):
    return {sentence: torch.stack(tuple(columns), -1) for sentence, columns in mistakes.items()}


def _camera(draw):
    """(focal lengths, principal point): never alike along both axes, now and then NYU's."""
    other = (draw.number(500, 700), draw.number(300, 450)), (draw.number(300, 400), draw.number(150, 250))
    return draw.one_of(other, (hands.FOCAL, hands.CENTRE), other)


def _places(draw):
    """Places (..., 3) before the camera, far from its axis, at 500 to 1,400 mm, none at a whole pixel."""
    shape = draw.one_of((5, 3), (3,), (1, 3), (2, 14, 3), (3, 2, 2, 3))
    aside = draw.values(*shape)
    low, high = torch.tensor([320.0, 240.0, 950.0]), torch.tensor([210.0, 130.0, 450.0])
    places = low + high * aside
    return torch.cat([places[..., :2].floor() + 0.3, places[..., 2:]], -1)


def _by_distance(points, focal, centre):
    away = points.norm(dim=-1)
    return focal[0] * points[..., 0] / away + centre[0], focal[1] * points[..., 1] / away + centre[1], points[..., 2]


# ---- what a depth image shows ----
def shown_joints(depth, places, flesh):
    """Which joints a depth image shows, bool (N, J).

    depth: (N, H, W) mm, inf: nothing is there.  places: (N, J, 3), x, y px of that image (first pixel's centre: 0, 0), z mm.
    A joint is seen if its nearest pixel is one of the image's, and the surface there lies no more than `flesh` mm before it.
    Where nothing is there, nothing hides it: it is seen.
    """
    (x, y), z = places[..., :2].round().long().unbind(-1), places[..., 2]
    height, width = depth.shape[1:]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & (z - _at(depth, x, y) <= flesh)


def _at(depth, x, y):
    """Depth (N, J) at pixels (N, J); outside of the image that at its border."""
    height, width = depth.shape[1:]
    return depth[torch.arange(len(depth))[:, None], y.clamp(0, height - 1), x.clamp(0, width - 1)]


@check(shown_joints)
def visible(answer, draw):
    """Which joints depth images show: in the image, and no surface before their own flesh.  Asked as bool (N, J)."""
    depth, places, flesh = _scene(draw)
    right = shown_joints(depth, places, flesh)
    found = answer(depth, places, flesh)
    expect(found, right, _wrongly_seen(depth, places, flesh))
    wrong_if("bool" not in str(getattr(found, "dtype", "bool")), "the values are right, but numbers: give yes or no, as bool")
    order = draw.order(places.shape[1])
    expect_rule("each joint is asked by itself: their order must not matter",
                answer(depth, places[:, order], flesh), right[:, order])
    nearer = torch.tensor([0.0, 0.0, 64.0])
    expect_rule("how far away the whole scene is must not matter", answer(depth + 64, places + nearer, flesh), right)


def _scene(draw):
    """Depth images, joints of all kinds before, in and behind what they show, and the flesh: all mm are multiples of 1/4."""
    n, joints = draw.one_of((3, 16), (1, 1), (2, 14), (4, 20))
    height, width, flesh = 9, draw.one_of(9, 12, 7), draw.one_of(16.0, 0.0, 4.0, 40.0)
    depth = 600 + torch.randint(1600, (n, height, width), generator=draw.generator) / 4
    depth[torch.rand(depth.shape, generator=draw.generator) < 0.15] = torch.inf
    kind = (draw.order(n * joints).reshape(n, joints) + draw.integer(0, 18)) % 19
    behind = torch.tensor([flesh, flesh + 0.25, 0.75 * flesh, -8.0, 200.0, -flesh - 0.25, 1.5 * flesh + 1, *[-8.0] * 12])[kind]
    x, y = (_along(draw, kind, side, first) for side, first in ((width, 7), (height, 13)))
    z = (_at(depth, x.round().long(), y.round().long()) + behind).nan_to_num(posinf=800.0)
    return depth, torch.stack([x, y, z], -1), flesh


def _along(draw, kind, side, first):
    """x or y of joints, within the image but for six kinds, from `first` on: just in, just out, or far out on either side."""
    within = torch.randint(side, kind.shape, generator=draw.generator) + 0.4 * draw.values(*kind.shape)
    edges = torch.tensor([-0.3, -0.7, -2.2, side - 0.7, side - 0.3, side + 1.2])
    return torch.where((kind >= first) & (kind < first + 6), edges[(kind - first).clamp(0, 5)], within)


def _wrongly_seen(depth, places, flesh):
    """{sentence: what this mistake gives}."""
    right, (u, v), z = shown_joints(depth, places, flesh), places[..., :2].unbind(-1), places[..., 2]
    (height, width), x, y = depth.shape[1:], u.round().long(), v.round().long()
    inside, surface = (x >= 0) & (x < width) & (y >= 0) & (y < height), _at(depth, x, y)
    below, above = ((u >= 0) & (v >= 0), (u <= width - 1) & (v <= height - 1))
    cut = _at(depth, u.floor().long(), v.floor().long())
    return {
        "x and y are exchanged: x counts columns, which are the last axis": inside & (z - _at(depth, y, x) <= flesh),
        "a surface just `flesh` before the joint is its own flesh still": inside & (z - surface < flesh),
        "on the wrong side: flesh lies before the joint, nearer to the camera": inside & (surface - z <= flesh),
        "what lies behind the joint hides nothing: no absolute value": inside & ((z - surface).abs() <= flesh),
        "the flesh is missing: a joint lies within the hand, behind its skin": inside & (z <= surface),
        "the flesh is taken twice": inside & (z - surface <= 2 * flesh),
        "those are the joints that are not seen": ~right,
        "those are hidden, and within the image": inside & ~right,
        "a joint beyond the image's edge is not seen: it is no pixel of the border": z - surface <= flesh,
        "a negative index counts from the far side: such a joint is not in the image":
            (x < width) & (y < height) & (z - depth[torch.arange(len(depth))[:, None], y.clamp(-height, height - 1),
                                                   x.clamp(-width, width - 1)] <= flesh),
        "cut off, not rounded: which pixel is the nearest?":
            (u.floor() >= 0) & (u.floor() < width) & (v.floor() >= 0) & (v.floor() < height) & (z - cut <= flesh),
        "cut off towards 0, not rounded: which pixel is the nearest?":
            (u.long() >= 0) & (u.long() < width) & (v.long() >= 0) & (v.long() < height)
            & (z - _at(depth, u.long(), v.long()) <= flesh),
        "the first pixel reaches half a pixel to the left and up of its centre, and the last as far to the right and down":
            right & below & above,
        "the first pixel reaches half a pixel to the left and up of its centre, 0": right & below,
        "nothing is there (inf): then nothing hides the joint": right & surface.isfinite(),
        "that says which joints are in the image: some of them are hidden": inside,
        "each image has joints of its own: look at its own depth": inside & (z - _at(depth[:1].expand_as(depth), x, y) <= flesh),
    }


# ---- the curve ----
@check(library_curve)
def error_curve(answer, draw):
    """Percentage of frames whose largest joint error is at most each of some distances."""
    n, joints, k = draw.one_of(9, 1, 2, 40), draw.one_of(14, 1, 2, 5), draw.one_of(4, 1, 7)
    within = (4 + draw.order(60)[:k]) / 4
    largest = (within.repeat(n)[:n] + torch.tensor([0.0, 0.125, -0.125, 3.0])[torch.arange(n) % 4])[draw.order(n)]
    errors = largest[:, None] * torch.rand(n, joints, generator=draw.generator) ** draw.one_of(1, 3, 0.3)
    errors[torch.arange(n), torch.randint(joints, (n,), generator=draw.generator)] = largest
    right = plain(library_curve(errors, within))
    expect(answer(errors, within), right, _wrong_curves(errors, within, right))
    expect_rule("the order of frames and of joints must not matter",
                answer(errors[draw.order(n)][:, draw.order(joints)], within), right)
    expect_rule("each distance is asked by itself", answer(errors, within.flip(0)), right.flip(0))
    expect_rule("every frame twice must give the same curve", answer(errors.repeat(2, 1), within), right)
    expect_rule("in another unit, errors and distances alike, it is the same curve", answer(4 * errors, 4 * within), right)


def _wrong_curves(errors, within, right):
    """{sentence: what this mistake gives}."""
    largest, (n, joints), rising = errors.amax(1), errors.shape, within.argsort()

    def share(scores):
        return 100 * (scores <= within[:, None]).double().mean(1)
    return {
        "shares lie in [0, 1]; percent go to 100": right / 100,
        "that is the mean of a frame's joints: one bad joint spoils a frame, so its largest error counts": share(errors.mean(1)),
        "each joint counts by itself: a frame is good if all of its joints are": share(errors.flatten()),
        "the smallest error of a frame: all of its joints have to be near": share(errors.amin(1)),
        "the median of a frame's joints: its largest error counts": share(errors.median(1).values),
        "the sum of a frame's joints: its largest error counts": share(errors.sum(1)),
        "the root of the sum of squares: a frame's largest error counts": share(errors.norm(dim=1)),
        "the root of the mean square: a frame's largest error counts": share(errors.square().mean(1).sqrt()),
        "one joint alone, the last: the largest of all is asked": share(errors[:, -1]),
        "one joint alone, the first: the largest of all is asked": share(errors[:, 0]),
        "the largest error of each joint: asked is that of each frame": share(errors.amax(0)),
        "a frame whose largest error is just as large is within it": 100 * (largest < within[:, None]).double().mean(1),
        "that falls: those are the frames beyond": 100 - right,
        "those are numbers of frames: a share of how many?": right * n / 100,
        "divided by the number of joints: divide by that of the frames": right * n / joints,
        "divided by the number of distances: divide by that of the frames": right * n / len(within),
        "divided by the number of all joints: divide by that of the frames": right / joints,
        "the values are right, but sorted: give them in the order of `within`": right[rising],
        "only what came since the distance before: count all frames up to each":
            right[rising].diff(prepend=torch.zeros(1, dtype=torch.float64))[rising.argsort()],
        "rounded to whole percent: leave the share as it is": right.floor(),
        "rounded to the nearest whole percent: leave the share as it is": right.round(),
        "one curve for each joint: one for all frames is asked": 100 * (errors <= within[:, None, None]).double().mean(1),
        "one yes or no for each frame and distance: take the mean over the frames":
            100 * (largest <= within[:, None]).double(),
        "one number for all distances: give one for each": right.mean(),
    }


# ---- from heat maps to joints ----
def joints_of_highest_cells(heat, size):
    """Where heat maps (N, J, h, w) are highest, float (N, J, 2): x, y in pixels of an image of `size` (height, width).

    The middle of the highest cell, where the first pixel's centre is (0, 0), as that of `evaluation.pose.to_pixels`.
    """
    (high, wide), highest = heat.shape[2:], heat.flatten(2).argmax(2)
    x, y = highest % wide, highest // wide
    return torch.stack([(x + 0.5) * size[1] / wide - 0.5, (y + 0.5) * size[0] / high - 0.5], 2)


@check(joints_of_highest_cells)
def joints_from_heat_maps(answer, draw):
    """x, y in pixels of the middle of each map's highest cell: that and no finer place, so that there is one right answer."""
    n, joints = draw.one_of(3, 1, 2), draw.one_of(14, 1, 4)
    high, wide = maps = draw.one_of((6, 8), (5, 5), (9, 4), (1, 7))
    size = draw.one_of((24, 40), (5 * high, 5 * wide), (50, 33), (4 * high, 7 * wide))
    heat = draw.one_of(1.0, 30.0, 0.1) * (draw.values(n, joints, *maps) + draw.one_of(0.0, -3.0, 3.0))
    right = joints_of_highest_cells(heat, size)
    expect(answer(heat, size), right, _wrongly_placed(heat, size))
    expect_rule("a number added to all cells must change nothing", answer(heat + 2, size), right)
    expect_rule("an image twice as large has its pixels' edges twice as far away",
                answer(heat, (2 * size[0], 2 * size[1])), 2 * right + 0.5)
    mirrored = torch.stack([size[1] - 1 - right[..., 0], right[..., 1]], -1)
    expect_rule("in a mirror x goes from the other edge", answer(heat.flip(3), size), mirrored)


def _wrongly_placed(heat, size):
    """{sentence: what this mistake gives}."""
    (high, wide), (height, width), highest = heat.shape[2:], size, heat.flatten(2).argmax(2)
    cells = torch.stack([highest % wide, highest // wide], 2).double()
    per_cell, image = torch.tensor([width / wide, height / high]), torch.tensor([width, height])

    def middle(cells):
        return (cells + 0.5) * per_cell - 0.5
    share = heat.flatten(2).softmax(2).unflatten(2, (high, wide))
    mean = torch.stack([share.sum(2) @ torch.arange(wide).float(), share.sum(3) @ torch.arange(high).float()], 2)
    by_height = torch.stack([highest % high, highest // high], 2)
    lowest = heat.flatten(2).argmin(2)
    over_all = heat.flatten(1).argmax(1)[:, None].expand(-1, heat.shape[1]) % (high * wide)
    return {
        "x and y are exchanged: x, across, comes first": middle(cells).flip(2),
        "x counts columns, and the cell's row is not x": middle(cells.flip(2)),
        "the size is height and width: x goes with the width": (cells + 0.5) * torch.tensor([height / wide, width / high]) - 0.5,
        "half a pixel is lost: 0 is the first pixel's centre, not its edge": middle(cells) + 0.5,
        "half a cell is lost: the cell's middle is asked, not its corner": middle(cells) - 0.5 * per_cell + 0.5,
        "half a cell is lost: cells and pixels have other centres, so (cell + 1/2) is scaled, then 1/2 taken off":
            cells * per_cell - 0.5,
        "the middles of the corner cells are laid on those of the corner pixels: the cells' edges are the image's":
            cells * (image - 1) / torch.tensor([max(wide - 1, 1), max(high - 1, 1)]),
        "those are cells of the map: pixels of the image are asked": cells,
        "those are cells of the map, and their middles from its edge: pixels of the image are asked": cells + 0.5,
        "from 0 to 1: pixels of the image are asked": (cells + 0.5) / torch.tensor([wide, high]),
        "from -1 to 1: pixels of the image are asked": 2 * (cells + 0.5) / torch.tensor([wide, high]) - 1,
        "scaled upside down: pixels are smaller than cells": (cells + 0.5) / per_cell - 0.5,
        "size and map are no multiples of each other: `//` cuts the scale":
            (cells + 0.5) * torch.tensor([width // wide, height // high]) - 0.5,
        "the flat index counts along rows: divide by the width of the map, not by its height": middle(by_height),
        "the mean place, weighed by the map: the highest cell is asked": middle(mean),
        "a parabola through the neighbours is finer, and the library's way; here the middle of the highest cell is asked":
            middle(pose.peaks(heat)),
        "the lowest cell: a joint is where its map is high": middle(torch.stack([lowest % wide, lowest // wide], 2)),
        "the largest absolute value: a map may be negative": middle(_of(heat.abs())),
        "the highest cell of all maps: each joint has a map of its own":
            middle(torch.stack([over_all % wide, over_all // wide], 2)),
        "columns and rows are asked apart: the highest sum of a column is not the highest cell":
            middle(torch.stack([heat.sum(2).argmax(2), heat.sum(3).argmax(2)], 2)),
        "rounded to whole pixels: a cell's middle may lie between two": middle(cells).round(),
        "cut to whole pixels: a cell's middle may lie between two": middle(cells).floor(),
        "that is how high the map is: where is asked": heat.flatten(2).amax(2),
        "that is the flat index: split it into row and column": highest,
    }


def _of(maps):
    highest = maps.flatten(2).argmax(2)
    return torch.stack([highest % maps.shape[3], highest // maps.shape[3]], 2)
