"""A structured-light depth camera: exact depth in, what such a camera says out.

A projector beside the camera throws a fixed pattern of dots.  How far a dot is displaced, its disparity d = f b / z pixels,
tells how far away the surface is.  The camera says for each pixel what the dots in a window around it agree on.  So
depth comes in steps of eighths of a pixel (z^2 / (8 f b) mm), an edge frays as the dots happen to lie, and where the
projector does not reach, or few dots agree, there is none.
Sources: the geometry and the steps, Khoshelham & Elberink 2012 (Sensors 12(2), 1437); the window, its weights and the
rounding, Handa's simkinect 2014 after Barron & Malik 2013 (written anew from the formulae).  We differ: in a window that
sees two surfaces the one with more dots wins, and a dot is displaced by an error of its own.  All lengths are mm and pixels.
Taught in: notebook 14.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F

from ..hands import NO_DEPTH
from ..system.errors import UserError
from ..system.settings import Number, Settings, Whole, short

PATTERN = (512, 1024)     # rows and columns of the projector's pattern, which repeats
PATTERN_SEED = 7          # every camera of the kind has the same pattern
WINDOWS = {"cpu": 2048, "cuda": 1 << 20}    # in which dots vote at a time: on a CPU, as many as its cache holds


@dataclass(frozen=True)
class DepthCamera(Settings):
    """What the camera is made of.  Raises UserError for a value that no camera has.

    `cell`, `enough` and `dot_error` were chosen so that open hands have the statistics of NYU's one frame at hand
    (studies/hand_camera.py): how far outlines fray, how much of a shadow is filled, how many neighbours are equal.
    Outlines fray as far there with cells of 4, but the eye sees the dots.
    """

    focal: Number(1, 10_000) = 588.0               # px: NYU's, as public code has it
    baseline: Number(1, 1000) = 75.0               # mm from the projector, on the camera's left, to the camera
    steps: Whole(1, 1024) = 8                      # of disparity in a pixel
    reach: Whole(1, 16) = 4                        # px on either side of a window's centre: 9 x 9
    cell: Whole(1, 16) = 3                         # px: one dot falls into each square of so many
    agree: Number(0, 16, above=True) = 1.0         # px by which the dots of one surface may differ from it within a window
    enough: Number(0, 1) = 0.05                    # share of a window's usual dots that must agree, else depth is missing
    dot_error: Number(0, 16) = 0.03                # px, standard deviation of one dot's disparity
    farthest: Number(1, 1e6) = 2000.0              # mm: beyond it nothing is stored

    @property
    def strength(self):
        """f b: pixels of disparity times mm of depth."""
        return self.focal * self.baseline


KINECT = DepthCamera()


def structured_light(depth, generator, camera=KINECT):
    """What the camera says of exact depth: mm float (N, H, W)  ->  whole mm, float32 (N, H, W), NaN for missing.

    depth: at the camera's own pixels, at least 1; inf where there is nothing.  At the margins a window lacks dots, and shadows
    of what lies beyond the left one are unknown: ask for `reach` pixels more, on the left for a shadow's width more.
    generator: on the same device; draws where on the pattern a scene lies, and the dots' errors.
    Raises UserError for what is no depth, or no generator.
    """
    _check(depth)
    check_generator(generator)
    disparity = camera.strength / depth.float()                                        # 0 where there is nothing
    dots = _dots(disparity, generator, camera)
    disparity = disparity + camera.dot_error * torch.randn(disparity.shape, generator=generator, device=depth.device)
    found = torch.round(camera.steps * _agreed(disparity, dots, camera)) / camera.steps
    mm = (camera.strength / found).round()
    return torch.where(mm <= camera.farthest, mm, torch.nan)                           # NaN is not below either


def nyu_picture(mm):
    """Depth as NYU's files have it: float (H, W) in mm, NaN where it is missing  ->  uint8 (H, W, 3), mm = 256 G + B.

    Missing depth is 2001 there, as is all beyond 2 m.  Raises UserError for depth of another shape or below 0.
    """
    if not torch.is_tensor(mm) or mm.ndim != 2 or (mm < 0).any():
        raise UserError(f"depth: expected a tensor (H, W) of mm, NaN where it is missing, found {short(mm)}")
    mm = torch.where(mm < NO_DEPTH, mm, NO_DEPTH).round().int()                  # NaN is not below it
    return torch.stack([torch.zeros_like(mm), mm // 256, mm % 256], -1).to(torch.uint8).cpu().numpy()


def _check(depth):
    if not torch.is_tensor(depth) or depth.ndim != 3 or not depth.is_floating_point() or not depth.numel():
        found = f"{depth.dtype} {tuple(depth.shape)}" if torch.is_tensor(depth) else type(depth).__name__
        raise UserError(f"depth: expected a float tensor (N, H, W) of mm, found {found}")
    if not (depth >= 1).all():                                                         # NaN is not above
        raise UserError(f"depth: expected at least 1 mm, inf where there is nothing, found {depth[~(depth >= 1)][0].item():g}")


def check_generator(generator):
    """UserError for what is no generator: None would draw from the one that all share, and no seed would bring it again."""
    if not isinstance(generator, torch.Generator):
        raise UserError(f"generator: expected a torch.Generator, found {short(generator)}")


def _dots(disparity, generator, camera):
    """Which pixels a dot falls on: float (N, H, W), 0 or 1.  A surface at disparity d has at column x the pattern's x + d."""
    n, height, width = disparity.shape
    device = disparity.device
    pattern = _pattern(camera.cell).to(device)
    top, left = (torch.randint(side, (n, 1, 1), generator=generator, device=device) for side in PATTERN)
    column = (torch.arange(width, device=device) + disparity).floor().long()           # of the projector, (N, H, W)
    row = torch.arange(height, device=device)[:, None]
    there = pattern[(top + row) % PATTERN[0], (left + column) % PATTERN[1]]
    return (there & _lit(column, disparity) & (disparity > 0)).float()


@lru_cache(maxsize=2)
def _pattern(cell):
    """The projector's dots: bool PATTERN, one at a random place of each square cell, so that no window lacks dots."""
    sides = [-(-side // cell) for side in PATTERN]
    place = torch.randint(cell * cell, (*sides, 1), generator=torch.Generator().manual_seed(PATTERN_SEED))
    dots = (place == torch.arange(cell * cell)).unflatten(2, (cell, cell)).transpose(1, 2).flatten(2).flatten(0, 1)
    return dots[:PATTERN[0], :PATTERN[1]]


def _lit(column, disparity):
    """Where the projector reaches: no nearer surface lies in its ray.  column: of the projector, (N, H, W)."""
    nearest = disparity.new_zeros(*column.shape[:2], int(column.max()) + 2)
    for side in (0, 1):                                   # a pixel covers parts of two columns, and is lit if one of them is
        nearest.scatter_reduce_(2, column + side, disparity, "amax")
    return disparity > torch.minimum(nearest.gather(2, column), nearest.gather(2, column + 1)) - 1


def window_weights(camera):
    """(2 r + 1, 2 r + 1): how much a dot counts by its distance from the centre, 1 / (1.2 r)^2; 1 at the centre."""
    offsets = torch.arange(-camera.reach, camera.reach + 1)
    return 1 / (1.44 * (offsets**2 + offsets[:, None]**2)).clamp_min(1)


def _agreed(disparity, dots, camera):
    """The disparity that the dots around each pixel agree on, (N, H, W); NaN where fewer than `enough` do."""
    kernel = window_weights(camera).to(disparity.device)
    seen = disparity * dots                                                            # 0: no dot
    total, weight = _summed(seen, kernel), _summed(dots, kernel)
    split = _highest(seen, camera) + _highest((camera.strength - seen) * dots, camera) - camera.strength > camera.agree
    total[split], weight[split] = _elected(seen, split, kernel.flatten(), camera)
    return torch.where(weight >= camera.enough * kernel.sum() / camera.cell**2, total / weight, torch.nan)


def _summed(values, kernel):
    """Weighted sum over the window of each pixel, (N, H, W).  Each image is a channel here: that is what is fast on CPUs."""
    with torch.backends.cudnn.flags(enabled=False):       # it may round to ten bits, which are coarser than a step of disparity
        return F.conv2d(values[None], kernel.expand(len(values), 1, -1, -1), padding=len(kernel) // 2, groups=len(values))[0]


def _highest(values, camera):
    """The largest of each window, (N, H, W): rows first, then columns, which is far faster than both at once."""
    side, reach = 2 * camera.reach + 1, camera.reach
    return F.max_pool2d(F.max_pool2d(values, (1, side), 1, (0, reach)), (side, 1), 1, (reach, 0))


def _elected(seen, at, weights, camera):
    """What `_majority` says of the windows around the pixels at bool (N, H, W), in parts: (2, M)."""
    padded, parts = F.pad(seen, (camera.reach,) * 4), at.nonzero().split(WINDOWS.get(seen.device.type, WINDOWS["cuda"]))
    steps = torch.arange(2 * camera.reach + 1, device=seen.device)
    found = []
    for part in parts:
        n, y, x = part[:, :, None, None].unbind(1)                                     # (M, 1, 1)
        found.append(_majority(padded[n, y + steps[:, None], x + steps].flatten(1), weights, camera))
    return torch.cat(found, 1)


def _majority(seen, weights, camera):
    """Sums of weighted disparities, and of weights, of the surface to which most dots of a window belong: (2, M).

    seen: (M, 81), 0 where there is no dot.  Three stand for election: the nearest, the farthest, and the mean of all, which
    is that of a steep surface.
    """
    weights = weights * (seen > 0)
    mean = (weights * seen).sum(1) / weights.sum(1)
    surfaces = torch.stack([seen.amax(1), mean, seen.where(seen > 0, torch.inf).amin(1)])
    votes = [((seen - surface[:, None]).abs() <= camera.agree) * weights for surface in surfaces]
    total = torch.stack([vote.sum(1) for vote in votes])
    sums = torch.stack([(vote * seen).sum(1) for vote in votes])
    best = total.argmax(0, keepdim=True)
    return torch.cat([sums.gather(0, best), total.gather(0, best)])
