"""The stand-in real domain of hands: other people's hands, seen by a structured-light depth camera.

A projector beside the camera throws a fixed pattern of dots.  How far a dot is displaced, its disparity d = f b / z pixels,
tells how far away the surface is.  The camera says for each pixel what the dots in a window around it agree on.  So
depth comes in steps of eighths of a pixel (z^2 / (8 f b) mm), an edge frays as the dots happen to lie, and where the
projector does not reach, or few dots agree, there is none.
Sources: the geometry and the steps, Khoshelham & Elberink 2012 (Sensors 12(2), 1437); the window, its weights and the
rounding, Handa's simkinect 2014 after Barron & Malik 2013 (written anew from the formulae).  We differ: in a window that
sees two surfaces the one with more dots wins, and a dot is displaced by an error of its own.  All lengths are mm and pixels.
Its images have labels, so the kit can measure with them; no method may train on those.
Taught in: notebook 14.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from ..hands import CENTRE, FOCAL, Crop
from ..images import ImageSet
from ..system.errors import UserError
from ..system.settings import Number, Settings, Whole, short
from .hand_model import BONES
from .hand_prior import HAND, SHAPE, Hands, HandPrior, draw_hands
from .hands import depth_of, joints_of
from .parameters import between

PATTERN = (512, 1024)     # rows and columns of the projector's pattern, which repeats
PATTERN_SEED = 7          # every camera of the kind has the same pattern
NYU_MISSING = 2001        # mm: what a picture of NYU's says for no depth, and for all that is farther than 2 m


@dataclass(frozen=True)
class DepthCamera(Settings):
    """What the camera is made of.  Raises UserError for a value that no camera has."""

    focal: Number(1, 10_000) = 588.0               # px: NYU's, as public code has it
    baseline: Number(1, 1000) = 75.0               # mm from the projector, on the camera's left, to the camera
    steps: Whole(1, 1024) = 8                      # of disparity in a pixel
    reach: Whole(1, 16) = 4                        # px on either side of a window's centre: 9 x 9
    dots: Number(0, 1, above=True) = 0.2           # share of pixels that a dot falls on
    agree: Number(0, 16, above=True) = 1.0         # px by which disparities of one surface may differ within a window
    enough: Number(0, 1) = 0.1                       # share of the window's dots that must agree, else depth is missing
    dot_error: Number(0, 16) = 0.05                # px, standard deviation of one dot's disparity
    farthest: Number(1, 1e6) = 2000.0              # mm: beyond it nothing is stored

    @property
    def strength(self):
        """f b: pixels of disparity times mm of depth."""
        return self.focal * self.baseline


KINECT = DepthCamera()


def _changed(**bounds):
    return {name: replace(HAND[name], low=low, default=(low + high) / 2, high=high) for name, (low, high) in bounds.items()}


# Other people: hands reach beyond the simulator's sizes and proportions, and do other things, more often all fingers alike.
PEOPLE = HandPrior(
    ranges={**HAND, **_changed(
        scale=(0.78, 1.22), thickness=(0.85, 1.3), palm_width=(0.85, 1.15), turn=(-110, 110), roll=(-70, 70),
        **{f"{finger}_length": (0.88, 1.12) for finger in BONES}, **{f"{finger}_width": (0.85, 1.2) for finger in BONES})},
    states={"fist": ((70, 95), (20, 50, 30, 50)), "hook": ((10, 85), (35, 20, 15, 30)), "bent": ((60, 15), (20, 35, 10, 10)),
            "relaxed": ((20, 32), (28, 22, 15, 18)), "flat": ((2, 6), (25, 8, 3, 3)), "spread": ((0, 4), (50, 10, 0, 0))},
    alike=0.7, spread=9.0, wander=6.0)
EACH = 50                 # pictures of a person, about
SEEN = {"cpu": 16, "cuda": 512}    # hands that the camera sees at a time
SHADOW = 24               # px to the left of the cube that may shade what is in it: 300 mm deep at 650 mm


def stand_in_hands(n, seed, size=(96, 96), device="cpu", camera=KINECT, progress=None):
    """n images of the stand-in real domain  ->  ImageSet like that of the reader of NYU, with the group `person`.

    uint8 (n, 1, *size): a cube of 300 mm around the hand, whose far side, all behind it and what has no depth is 255.
    Labels joints float32 (n, 14, 3), for measuring: x, y px of the crop and z mm behind the cube's middle.
    The scene is seen at the camera's own pixels, of which the crop takes the nearest.  The hands of a person share their
    shape; a body and a wall are somewhere behind them.  progress: called as progress(done, n) now and then, for a bar.
    """
    generator = torch.Generator(device).manual_seed(seed)
    hands, person = _people(n, generator)
    joints = joints_of(hands)
    crop = Crop.around(joints, size)
    images = torch.empty(n, 1, *size, dtype=torch.uint8, device=generator.device)
    done = 0
    for at in crop.middle[:, 2].argsort().split(SEEN.get(images.device.type, SEEN["cuda"])):    # alike in size at a time
        images[at, 0] = _seen(hands.chunk(at), replace(crop, middle=crop.middle[at]), generator, camera)
        done += len(at)
        if progress is not None:
            progress(done, n)
    return ImageSet(images, {"joints": crop.joints(joints)}, {"person": person},
                    source="stand-in real hands (simgan_lib.simulators.depth_camera)")


def _people(n, generator):
    """n hands of n / EACH persons, and the persons' names."""
    persons = max(1, n // EACH)
    person = (torch.arange(n) * persons // n).tolist()
    shapes = between({name: PEOPLE.ranges[name] for name in SHAPE},
                     torch.rand(len(SHAPE), persons, generator=generator, device=generator.device))
    hands = []
    for i in range(persons):
        own = {name: replace(HAND[name], low=value[i].item(), high=value[i].item()) for name, value in shapes.items()}
        hands.append(draw_hands(person.count(i), generator, replace(PEOPLE, ranges={**PEOPLE.ranges, **own})))
    values = {name: torch.cat([each[name] for each in hands]) for name in hands[0].values}
    return Hands(values), [f"person{i + 1:02d}" for i in person]


def _seen(hands, crop, generator, camera):
    """The crops (n, H, W) of hands, uint8."""
    columns, rows = crop.pixels()
    first, top = (along[:, :1] - camera.reach for along in (columns, rows))
    first = first - SHADOW
    across, down = (torch.arange(int((along[:, -1:] - start).max()) + camera.reach + 1, device=start.device) + start
                    for along, start in ((columns, first), (rows, top)))
    depth = torch.minimum(depth_of(hands, (across, down)), behind(across, crop.middle, generator)[:, None])
    mm = structured_light(depth, generator, camera).nan_to_num(torch.inf)
    n = torch.arange(len(mm), device=mm.device)[:, None, None]
    return crop.image(mm[n, (rows - top)[:, :, None], (columns - first)[:, None]])


def behind(columns, middle, generator):
    """Depth of what is behind hands: mm (N, W), a body and a wall, the same in all rows.

    columns: (N, W), px of the camera's picture.  middle: places (N, 3) of the hands.
    """
    drawn = torch.rand(5, len(columns), 1, generator=generator, device=columns.device)
    body, aside, half, wall = (v[:, :] for v in (100 + 300 * drawn[0], 350 * (2 * drawn[1] - 1), 140 + 80 * drawn[2], 600 + 1900 * drawn[3]))
    z = middle[:, 2:]
    slope = (columns - CENTRE[0]) / FOCAL[0]
    x = (middle[:, :1] - CENTRE[0]) / FOCAL[0] * z + aside                              # of the body's axis
    deep = 0.6 * half
    axis = z + body + deep
    # ((slope t - x) / half)^2 + ((t - axis) / deep)^2 = 1, whose nearer solution is seen.
    a, b, c = (slope / half)**2 + deep**-2, slope * x / half**2 + axis / deep**2, (x / half)**2 + (axis / deep)**2 - 1
    root = b**2 - a * c
    return torch.where(root > 0, (b - root.clamp_min(0).sqrt()) / a, z + wall)


def structured_light(depth, generator, camera=KINECT):
    """What the camera says of exact depth: mm float (N, H, W)  ->  whole mm, float32 (N, H, W), NaN for missing.

    depth: at the camera's own pixels, positive; inf where there is nothing.  At the margins a window lacks dots, and shadows
    of what lies beyond the left one are unknown: ask for `reach` pixels more, on the left for a shadow's width more.
    generator: on the same device; draws where on the pattern a scene lies, and the dots' errors.
    Raises UserError for what is no depth.
    """
    _check(depth)
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
    mm = torch.where(mm < NYU_MISSING, mm, NYU_MISSING).round().int()                  # NaN is not below it
    return torch.stack([torch.zeros_like(mm), mm // 256, mm % 256], -1).to(torch.uint8).cpu().numpy()


def _check(depth):
    if not torch.is_tensor(depth) or depth.ndim != 3 or not depth.is_floating_point():
        found = f"{depth.dtype} {tuple(depth.shape)}" if torch.is_tensor(depth) else type(depth).__name__
        raise UserError(f"depth: expected a float tensor (N, H, W) of mm, found {found}")
    if not (depth > 0).all():
        raise UserError(f"depth: expected positive mm, inf where there is nothing, found {depth[~(depth > 0)][0].item()}")


def _dots(disparity, generator, camera):
    """Which pixels a dot falls on: float (N, H, W), 0 or 1.  A surface at disparity d has at column x the pattern's x + d."""
    n, height, width = disparity.shape
    device = disparity.device
    pattern = (torch.rand(PATTERN, generator=torch.Generator().manual_seed(PATTERN_SEED)) < camera.dots).to(device)
    top, left = (torch.randint(side, (n, 1, 1), generator=generator, device=device) for side in PATTERN)
    column = (torch.arange(width, device=device) + disparity).floor().long()           # of the projector, (N, H, W)
    row = torch.arange(height, device=device)[:, None]
    there = pattern[(top + row) % PATTERN[0], (left + column) % PATTERN[1]]
    return (there & _lit(column, disparity) & (disparity > 0)).float()


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
    mean, weight = _summed(seen, kernel), _summed(dots, kernel)
    split = _highest(seen, camera) + _highest((camera.strength - seen) * dots, camera) - camera.strength > camera.agree
    mean[split], weight[split] = _majority(_windows(seen, split, camera.reach), kernel.flatten(), camera)
    return torch.where(weight >= camera.enough * camera.dots * kernel.sum(), mean / weight, torch.nan)


def _summed(values, kernel):
    """Weighted sum over the window of each pixel, (N, H, W).  Each image is a channel here: that is what is fast on CPUs."""
    return F.conv2d(values[None], kernel.expand(len(values), 1, -1, -1), padding=len(kernel) // 2, groups=len(values))[0]


def _highest(values, camera):
    """The largest of each window, (N, H, W): rows first, then columns, which is far faster than both at once."""
    side, reach = 2 * camera.reach + 1, camera.reach
    return F.max_pool2d(F.max_pool2d(values, (1, side), 1, (0, reach)), (side, 1), 1, (reach, 0))


def _windows(values, at, reach):
    """The window around each pixel at bool (N, H, W): (M, (2 reach + 1)^2)."""
    n, y, x = at.nonzero(as_tuple=True)
    padded, steps = F.pad(values, (reach,) * 4), torch.arange(2 * reach + 1, device=values.device)
    return padded[n[:, None, None], y[:, None, None] + steps[:, None], x[:, None, None] + steps].flatten(1)


def _majority(seen, weights, camera):
    """(sum of weighted disparities, of weights) of the surface to which most dots of a window belong, each (M,).

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
    return sums.gather(0, best)[0], total.gather(0, best)[0]
