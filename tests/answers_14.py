"""Right and wrong answers to the exercises of notebook 14, written apart from the checks.

BANK: {check: ([right answer, ...], [(wrong answer, words of the message that it must get), ...])}.
"""

import functools
import math

import numpy as np
import torch
from torch.nn import functional as F

from simgan_lib import hands
from simgan_lib.evaluation import pose


# ---- 14.1 projected: points (..., 3) mm, focal, centre -> places (..., 3) u, v px, z mm ----
def camera(points, focal, centre, u=lambda x, z, f, c: f * x / z + c, depth=lambda z: z):
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return torch.stack([u(x, z, focal[0], centre[0]), u(y, z, focal[1], centre[1]), depth(z)], dim=-1)


def by_matrix(points, focal, centre):
    """Homogeneous coordinates: the camera's matrix, then a division by the last one."""
    matrix = torch.tensor([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    seen = points @ matrix.T
    return torch.cat([seen[..., :2] / seen[..., 2:], points[..., 2:]], -1)


def by_slices(points, focal, centre):
    places = points.clone()
    places[..., :2] = torch.tensor(focal) * points[..., :2] / points[..., 2:] + torch.tensor(centre)
    return places


def one_by_one(points, focal, centre):
    places = [[focal[0] * x / z + centre[0], focal[1] * y / z + centre[1], z] for x, y, z in points.reshape(-1, 3).tolist()]
    return torch.tensor(places).reshape(points.shape)


def in_numpy(points, focal, centre):
    x, y, z = np.moveaxis(points.numpy(), -1, 0)
    return np.stack([focal[0] * x / z + centre[0], focal[1] * y / z + centre[1], z], -1)


def of_x_alone(points, focal, centre):
    return camera(points, (focal[0], focal[0]), centre)


PROJECTED = [
    camera, by_matrix, by_slices, one_by_one, in_numpy, hands.projected,
], [
    (lambda p, f, c: camera(p, f[::-1], c), "focal lengths are exchanged"),
    (lambda p, f, c: camera(p, f, c[::-1]), "principal point is exchanged"),
    (lambda p, f, c: camera(p, f, (0, 0)), "principal point is missing"),
    (lambda p, f, c: camera(p, f, (-c[0], -c[1])), "taken off"),
    (functools.partial(camera, u=lambda x, z, f, c: (f * x + c) / z), "divided by z, too"),
    (lambda p, f, c: camera(p, f, c)[..., [1, 0, 2]], "x and y are exchanged"),
    (lambda p, f, c: camera(p * torch.tensor([1.0, -1.0, 1.0]), f, c), "upside down"),
    (lambda p, f, c: camera(p * torch.tensor([-1.0, 1.0, 1.0]), f, c), "mirrored"),
    (of_x_alone, "focal length of x stands for both"),
    (lambda p, f, c: camera(p, (f[1], f[1]), c), "focal length of y stands for both"),
    (functools.partial(camera, u=lambda x, z, f, c: f * x + c), "nothing is divided"),
    (functools.partial(camera, u=lambda x, z, f, c: f * x * z + c), "multiplied by z"),
    (functools.partial(camera, u=lambda x, z, f, c: x / (f * z) + c), "a longer one"),
    (functools.partial(camera, u=lambda x, z, f, c: x / z + c), "focal length is missing"),
    (functools.partial(camera, depth=torch.ones_like), "keep the depth"),
    (lambda p, f, c: torch.cat([camera(torch.cat([p[..., :2], p.norm(dim=-1, keepdim=True)], -1), f, c)[..., :2], p[..., 2:]], -1),
     "distance from the camera"),
    (lambda p, f, c: camera(p, f, c)[..., [2, 0, 1]], "z stands first"),
    (lambda p, f, c: torch.cat([camera(p, f, c)[..., :2].round(), p[..., 2:]], -1), "whole pixels"),
    (lambda p, f, c: camera(p, f, c)[..., :2], "depth is missing"),
    (lambda p, f, c: camera(p, hands.FOCAL, hands.CENTRE), "camera of NYU"),
    (lambda p, f, c: camera(p, f, c) / 1000, "0.001 times"),
    (lambda p, f, c: camera(p, f, c, depth=lambda z: z / 1000), ""),
    (lambda p, f, c: camera(p, f, c).flatten(), ""),
    (lambda p, f, c: hands.unprojected(p, f, c), ""),
    (lambda p, f, c: torch.stack([p[0] / p[2] * f[0] + c[0], p[1] / p[2] * f[1] + c[1], p[2]]), ""),
    (lambda p, f, c: p, ""),
]


# ---- 14.1, the way back: places (..., 3) u, v px, z mm -> points (..., 3) mm ----
def way_back(places, focal, centre, x=lambda u, z, f, c: (u - c) * z / f, depth=lambda z: z):
    u, v, z = places[..., 0], places[..., 1], places[..., 2]
    return torch.stack([x(u, z, focal[0], centre[0]), x(v, z, focal[1], centre[1]), depth(z)], dim=-1)


def by_inverse(places, focal, centre):
    """The camera's matrix upside down, times the ray, times the depth."""
    matrix = torch.tensor([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]], dtype=torch.float64)
    rays = torch.cat([places[..., :2], torch.ones_like(places[..., 2:])], -1).double()
    return (rays @ torch.linalg.inv(matrix).T * places[..., 2:].double()).float()


def back_by_slices(places, focal, centre):
    points = places.clone()
    points[..., :2] = (places[..., :2] - torch.tensor(centre)) / torch.tensor(focal) * places[..., 2:]
    return points


def back_one_by_one(places, focal, centre):
    points = [[(u - centre[0]) / focal[0] * z, (v - centre[1]) / focal[1] * z, z] for u, v, z in places.reshape(-1, 3).tolist()]
    return torch.tensor(points).reshape(places.shape)


def back_in_numpy(places, focal, centre):
    u, v, z = np.moveaxis(places.numpy(), -1, 0)
    return np.stack([(u - centre[0]) * z / focal[0], (v - centre[1]) * z / focal[1], z], -1)


def along_the_ray(places, focal, centre):
    rays = F.normalize(way_back(places, focal, centre), dim=-1)
    return rays * places[..., 2:]


UNPROJECTED = [
    way_back, by_inverse, back_by_slices, back_one_by_one, back_in_numpy, hands.unprojected,
], [
    (lambda p, f, c: way_back(p, f[::-1], c), "focal lengths are exchanged"),
    (lambda p, f, c: way_back(p, f, c[::-1]), "principal point is exchanged"),
    (lambda p, f, c: way_back(p, f, (0, 0)), "not taken off"),
    (lambda p, f, c: way_back(p, f, (-c[0], -c[1])), "is added"),
    (functools.partial(way_back, x=lambda u, z, f, c: u * z / f - c), "taken off last"),
    (lambda p, f, c: way_back(p, f, c)[..., [1, 0, 2]], "x and y are exchanged"),
    (lambda p, f, c: way_back(p, f, c) * torch.tensor([1.0, -1.0, 1.0]), "upside down"),
    (lambda p, f, c: way_back(p, f, c) * torch.tensor([-1.0, 1.0, 1.0]), "mirrored"),
    (lambda p, f, c: way_back(p, (f[0], f[0]), c), "focal length of x stands for both"),
    (lambda p, f, c: way_back(p, (f[1], f[1]), c), "focal length of y stands for both"),
    (functools.partial(way_back, x=lambda u, z, f, c: (u - c) / f), "not multiplied by z"),
    (functools.partial(way_back, x=lambda u, z, f, c: (u - c) / (f * z)), "divided by z"),
    (functools.partial(way_back, x=lambda u, z, f, c: (u - c) * z * f), "multiplied by the focal length"),
    (functools.partial(way_back, x=lambda u, z, f, c: (u - c) * z), "focal length is missing"),
    (along_the_ray, "distance along the ray"),
    (functools.partial(way_back, depth=torch.ones_like), "keep the depth"),
    (lambda p, f, c: p, "nothing has changed"),
    (lambda p, f, c: way_back(p, f, c)[..., :2], "depth is missing"),
    (lambda p, f, c: way_back(p, hands.FOCAL, hands.CENTRE), "camera of NYU"),
    (lambda p, f, c: camera(p, f, c), ""),
    (lambda p, f, c: way_back(p, f, c).round(), ""),
    (lambda p, f, c: way_back(p, f, c).movedim(-1, 0), ""),
    (lambda p, f, c: way_back(p, f, c) / 1000, "0.001 times"),
]


# ---- 14.2 visible: depth (N, H, W) mm, places (N, J, 3) px and mm, flesh mm -> bool (N, J) ----
def seen(depth, places, flesh, nearest=torch.round, near=lambda z, surface, flesh: z - surface <= flesh, look=None):
    """look: how depth is read at columns x and rows y, which may lie outside."""
    x, y = nearest(places[..., 0]).long(), nearest(places[..., 1]).long()
    surface = (look or clamped)(depth, x, y)
    return in_image(depth, x, y) & near(places[..., 2], surface, flesh)


def in_image(depth, x, y):
    return (x >= 0) & (y >= 0) & (x < depth.shape[2]) & (y < depth.shape[1])


def clamped(depth, x, y):
    return depth[torch.arange(len(depth))[:, None], y.clamp(0, depth.shape[1] - 1), x.clamp(0, depth.shape[2] - 1)]


def by_gather(depth, places, flesh):
    n, height, width = depth.shape
    x, y = (places[..., axis].add(0.5).floor().long() for axis in (0, 1))
    flat = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    hidden = depth.reshape(n, -1).gather(1, flat) < places[..., 2] - flesh
    return (x == x.clamp(0, width - 1)) & (y == y.clamp(0, height - 1)) & ~hidden


def by_margin(depth, places, flesh):
    """A margin around the image, in which a wall at 0 mm hides every joint."""
    wide = F.pad(depth, (4, 4, 4, 4), value=-1e6)
    x, y = (places[..., :2].round().long() + 4).unbind(-1)
    return wide[torch.arange(len(depth))[:, None], y, x] + flesh >= places[..., 2]


def joint_by_joint(depth, places, flesh):
    found = torch.zeros(places.shape[:2], dtype=torch.bool)
    for i, (image, joints) in enumerate(zip(depth, places)):
        for j, (x, y, z) in enumerate(joints.tolist()):
            row, column = round(y), round(x)
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                found[i, j] = z - image[row, column].item() <= flesh
    return found


def by_sampling(depth, places, flesh):
    """Nearest pixels by torch's own sampler, which gives 0 outside."""
    size = torch.tensor([depth.shape[2], depth.shape[1]])
    known = depth.nan_to_num(posinf=1e6)[:, None]
    surface = F.grid_sample(known, ((places[..., :2] + 0.5) * 2 / size - 1)[:, None], mode="nearest", align_corners=False)[:, 0, 0]
    return (surface > 0) & (places[..., 2] - surface <= flesh)


def seen_in_numpy(depth, places, flesh):
    depth, places = depth.numpy(), places.numpy()
    x, y = np.rint(places[..., 0]).astype(int), np.rint(places[..., 1]).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < depth.shape[2]) & (y < depth.shape[1])
    one, x, y = np.arange(len(depth))[:, None], np.where(inside, x, 0), np.where(inside, y, 0)
    return inside & (places[..., 2] - depth[one, y, x] <= flesh)


def exchanged(depth, x, y):
    return clamped(depth, y, x)


def from_the_far_side(depth, places, flesh):
    x, y = places[..., :2].round().long().unbind(-1)
    height, width = depth.shape[1:]
    surface = depth[torch.arange(len(depth))[:, None], y.clamp(-height, height - 1), x.clamp(-width, width - 1)]
    return (x < width) & (y < height) & (places[..., 2] - surface <= flesh)


def narrow(depth, places, flesh, high=True):
    (u, v), (height, width) = places[..., :2].unbind(-1), depth.shape[1:]
    found = (u >= 0) & (v >= 0) & seen(depth, places, flesh)
    return found & (u <= width - 1) & (v <= height - 1) if high else found


def seen_somehow(**how):
    return functools.partial(seen, **how)


VISIBLE = [
    seen, by_gather, by_margin, joint_by_joint, by_sampling, seen_in_numpy,
], [
    (seen_somehow(look=exchanged), "x and y are exchanged"),
    (lambda d, p, f: seen(d.mT, p, f), ""),
    (lambda d, p, f: d[torch.arange(len(d))[:, None], p[..., 0].long(), p[..., 1].long()] >= p[..., 2] - f, ""),
    (seen_somehow(near=lambda z, surface, flesh: z - surface < flesh), "just `flesh`"),
    (seen_somehow(near=lambda z, surface, flesh: surface - z <= flesh), "wrong side"),
    (seen_somehow(near=lambda z, surface, flesh: (surface - z).abs() <= flesh), "absolute"),
    (seen_somehow(near=lambda z, surface, flesh: z <= surface), "flesh is missing"),
    (seen_somehow(near=lambda z, surface, flesh: z - flesh <= surface + flesh), "twice"),
    (lambda d, p, f: ~seen(d, p, f), "not seen"),
    (seen_somehow(near=lambda z, surface, flesh: z - surface > flesh), "hidden"),
    (lambda d, p, f: p[..., 2] - clamped(d, *p[..., :2].round().long().unbind(-1)) <= f, "pixel of the border"),
    (from_the_far_side, "far side"),
    (seen_somehow(nearest=torch.floor), "not rounded"),
    (seen_somehow(nearest=torch.ceil), ""),
    (seen_somehow(nearest=torch.trunc), "towards 0"),
    (narrow, "half a pixel"),
    (functools.partial(narrow, high=False), "half a pixel"),
    (seen_somehow(near=lambda z, surface, flesh: (z - surface <= flesh) & surface.isfinite()), "nothing hides"),
    (seen_somehow(near=lambda z, surface, flesh: torch.ones_like(z) > 0), "some of them are hidden"),
    (lambda d, p, f: seen(d[:1].expand(len(d), -1, -1), p, f), "own depth"),
    (lambda d, p, f: seen(d, p, f).float(), "yes or no"),
    (lambda d, p, f: seen(d, p, f).all(1), "shape"),
    (lambda d, p, f: seen(d, p, f).T, ""),
    (seen_somehow(near=lambda z, surface, flesh: z / surface <= 1 + flesh / 1000), ""),
]


# ---- 14.3 error_curve: errors (N, J), within (K,) -> % (K,) ----
def curve(errors, within, score=lambda errors: errors.max(1).values, within_it=torch.le):
    return 100 * within_it(score(errors), within[:, None]).double().mean(1)


def by_sorting(errors, within):
    return 100 * torch.searchsorted(errors.amax(1).sort().values, within, right=True) / len(errors)


def by_all(errors, within):
    """A frame is good if all of its joints are."""
    return 100.0 * (errors[None] <= within[:, None, None]).all(2).sum(1) / len(errors)


def counted(errors, within):
    largest = [max(frame) for frame in errors.tolist()]
    return torch.tensor([100 * sum(error <= d for error in largest) / len(largest) for d in within.tolist()])


def curve_in_numpy(errors, within):
    return np.array([100 * np.mean(errors.numpy().max(1) <= d) for d in within.numpy()])


def share_of_bad(errors, within):
    return 100 - 100 * (errors.amax(1) > within.reshape(-1, 1)).float().mean(-1)


def scored(score, **how):
    return functools.partial(curve, score=score, **how)


ERROR_CURVE = [
    curve, by_sorting, by_all, counted, curve_in_numpy, share_of_bad,
], [
    (lambda e, d: curve(e, d) / 100, "percent go to 100"),
    (scored(lambda e: e.mean(1)), "one bad joint spoils"),
    (scored(lambda e: e.flatten()), "each joint counts by itself"),
    (scored(lambda e: e.min(1).values), "smallest"),
    (scored(lambda e: e.median(1).values), "median"),
    (scored(lambda e: e.sum(1)), "sum of a frame"),
    (scored(lambda e: e.norm(dim=1)), "root of the sum"),
    (scored(lambda e: e.square().mean(1).sqrt()), "root of the mean square"),
    (scored(lambda e: e[:, -1]), "the last"),
    (scored(lambda e: e[:, 0]), "the first"),
    (scored(lambda e: e.max(0).values), "largest error of each joint"),
    (functools.partial(curve, within_it=torch.lt), "just as large"),
    (lambda e, d: 100 - curve(e, d), "falls"),
    (lambda e, d: curve(e, d) * len(e) / 100, "numbers of frames"),
    (lambda e, d: curve(e, d) * len(e) / e.shape[1], "number of joints"),
    (lambda e, d: curve(e, d) * len(e) / len(d), "number of distances"),
    (lambda e, d: curve(e, d) / e.shape[1], "number of all joints"),
    (lambda e, d: curve(e, d.sort().values), "order of `within`"),
    (lambda e, d: curve(e, d).floor(), "whole percent"),
    (lambda e, d: curve(e, d).round(), "nearest whole percent"),
    (lambda e, d: 100 * (e <= d[:, None, None]).double().mean(1), "one curve for each joint"),
    (lambda e, d: 100 * (e.amax(1) <= d[:, None]).double(), "mean over the frames"),
    (lambda e, d: curve(e, d).mean(), "one number"),
    (lambda e, d: curve(e.amax() * torch.ones_like(e), d), ""),
    (lambda e, d: curve(e, d)[:, None], "shape"),
    (lambda e, d: e.amax(1), ""),
]


# ---- 14.4 joints_from_heat_maps: heat (N, J, h, w), size (height, width) -> x, y px (N, J, 2) ----
def highest(heat, maps=None):
    """Columns and rows (N, J) of the highest cells."""
    place = heat.flatten(2).argmax(2)
    width = (maps or heat.shape[2:])[1]
    return place % width, place // width


def joints(heat, size, cells=highest, pixel=lambda cell, side, n: (cell + 0.5) * side / n - 0.5):
    x, y = cells(heat)
    return torch.stack([pixel(x, size[1], heat.shape[3]), pixel(y, size[0], heat.shape[2])], dim=2)


def by_unravelling(heat, size):
    y, x = torch.unravel_index(heat.flatten(2).argmax(-1), heat.shape[2:])
    cell = torch.tensor([size[1] / heat.shape[3], size[0] / heat.shape[2]])
    return (torch.stack([x, y], -1) + 0.5) * cell - 0.5


def by_two_maxima(heat, size):
    """The column whose highest cell is the highest, and the row."""
    x, y = heat.amax(2).argmax(2).double(), heat.amax(3).argmax(2).double()
    (height, width), (high, wide) = size, heat.shape[2:]
    return torch.stack([x * width / wide + (width / wide - 1) / 2, y * height / high + (height / high - 1) / 2], 2)


def map_by_map(heat, size):
    (height, width), (high, wide) = size, heat.shape[2:]
    found = []
    for frame in heat.tolist():
        for rows in frame:
            _, y, x = max((value, y, x) for y, row in enumerate(rows) for x, value in enumerate(row))
            found.append([(2 * x + 1) * width / (2 * wide) - 0.5, (2 * y + 1) * height / (2 * high) - 0.5])
    return torch.tensor(found).reshape(*heat.shape[:2], 2)


def joints_in_numpy(heat, size):
    heat = heat.numpy()
    y, x = np.unravel_index(heat.reshape(*heat.shape[:2], -1).argmax(-1), heat.shape[2:])
    return np.stack([(x + 0.5) * size[1] / heat.shape[3] - 0.5, (y + 0.5) * size[0] / heat.shape[2] - 0.5], -1)


def by_line(heat, size):
    """Places of all cells first, of which the highest takes its own."""
    (height, width), (high, wide) = size, heat.shape[2:]
    x = torch.linspace(width / wide / 2 - 0.5, width - width / wide / 2 - 0.5, wide)
    y = torch.linspace(height / high / 2 - 0.5, height - height / high / 2 - 0.5, high)
    y, x = torch.meshgrid(y, x, indexing="ij")
    place = heat.flatten(2).argmax(2)
    return torch.stack([x.flatten()[place], y.flatten()[place]], -1)


def at_mean(heat, size):
    share = heat.flatten(2).softmax(2).reshape(heat.shape)
    cells = (share.sum(2) * torch.arange(heat.shape[3])).sum(2), (share.sum(3) * torch.arange(heat.shape[2])).sum(2)
    return joints(heat, size, lambda _: cells)


def pixels_by(pixel):
    return functools.partial(joints, pixel=pixel)


JOINTS_FROM_HEAT_MAPS = [
    joints, by_unravelling, by_two_maxima, map_by_map, joints_in_numpy, by_line,
], [
    (lambda h, s: joints(h, s).flip(-1), "across, comes first"),
    (functools.partial(joints, cells=lambda heat: highest(heat)[::-1]), "row is not x"),
    (lambda h, s: joints(h, s[::-1]), "height and width"),
    (pixels_by(lambda cell, side, n: (cell + 0.5) * side / n), "half a pixel"),
    (pixels_by(lambda cell, side, n: cell * side / n), "half a cell"),
    (pixels_by(lambda cell, side, n: cell * side / n - 0.5), "half a cell"),
    (pixels_by(lambda cell, side, n: cell * (side - 1) / max(n - 1, 1)), "corner"),
    (pixels_by(lambda cell, side, n: cell), "cells of the map"),
    (pixels_by(lambda cell, side, n: cell + 0.5), "cells of the map"),
    (pixels_by(lambda cell, side, n: (cell + 0.5) / n), "0 to 1"),
    (pixels_by(lambda cell, side, n: 2 * (cell + 0.5) / n - 1), "-1 to 1"),
    (pixels_by(lambda cell, side, n: (cell + 0.5) * n / side - 0.5), "upside down"),
    (pixels_by(lambda cell, side, n: (cell + 0.5) * (side // n) - 0.5), "cuts the scale"),
    (pixels_by(lambda cell, side, n: ((cell + 0.5) * side / n - 0.5).round()), "whole pixels"),
    (pixels_by(lambda cell, side, n: ((cell + 0.5) * side / n - 0.5).floor()), "whole pixels"),
    (functools.partial(joints, cells=lambda heat: highest(heat, heat.shape[:1:-1])), "not by its height"),
    (at_mean, "weighed by the map"),
    (functools.partial(joints, cells=lambda heat: pose.peaks(heat).unbind(2)), "parabola"),
    (functools.partial(joints, cells=lambda heat: highest(-heat)), "lowest"),
    (functools.partial(joints, cells=lambda heat: highest(heat.abs())), "absolute value"),
    (functools.partial(joints, cells=lambda heat: highest(heat.amax(1, keepdim=True).expand_as(heat))), "a map of its own"),
    (functools.partial(joints, cells=lambda heat: (heat.sum(2).argmax(2), heat.sum(3).argmax(2))), "asked apart"),
    (lambda h, s: h.flatten(2).max(2).values, "how high"),
    (lambda h, s: h.flatten(2).argmax(2), "flat index"),
    (lambda h, s: joints(h, s).mean(1), "shape"),
    (lambda h, s: joints(h.mT, s), ""),
    (lambda h, s: joints(h, s) + math.pi, "3.14"),
]


BANK = {"projected": PROJECTED, "unprojected": UNPROJECTED, "visible": VISIBLE, "error_curve": ERROR_CURVE,
        "joints_from_heat_maps": JOINTS_FROM_HEAT_MAPS}
