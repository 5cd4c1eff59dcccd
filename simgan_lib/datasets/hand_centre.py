"""Where the hand is in a depth picture that has no label: the centre of mass of what is nearest to the camera.

As public code for this task does it (DeepPrior's hand detector: slabs of depth from the near side, the first that holds a
surface of some size, then the centre of mass within a cube around it, again and again); written anew.
"""

import numpy as np
from scipy import ndimage

from ..hands import CENTRE, CUBE, FOCAL, LENGTH, NO_DEPTH, as_numbers
from ..system.errors import UserError
from ..system.settings import Number, short

SLAB = 100.0              # mm: the first look is so deep, from its nearest pixel on
LEAST = 1000.0            # mm^2: a smaller surface is a speck, not a hand
ROUNDS = 5                # of the cube, as there; on the one real frame at hand six more move the centre by less than 1 mm


def hand_centre(mm, cube=CUBE, focal=FOCAL, centre=CENTRE):
    """(u, v, z): pixels and mm of the centre of mass of the nearest hand, float64.

    mm: depth (H, W), 0 where there is none.  cube: mm, its side.
    focal, centre: the camera's (x, y) in pixels, NYU's if no others are given.
    First the largest connected surface in the nearest slab of depth that has one of at least 10 cm^2; then, five times, the
    mean of all points in a cube around the mean before.
    It assumes that nothing as large is nearer than the hand, and that the arm leads away from the camera.  An arm in the cube
    pulls the centre to the wrist; one as near as the hand pulls it out of the hand.  Public code mends that by a learned step.
    On the one real frame at hand, an open hand with its forearm, the centre lies 2 cm from the palm's joint and 5 cm from the
    mean of the joints, which all stay within the cube of 300 mm.
    Raises UserError if mm is no depth picture, cube no length, focal or centre not of a camera, or no such surface is there.
    """
    given, mm = mm, as_numbers(mm)
    if mm is None or mm.ndim != 2 or not np.isfinite(mm).all() or (mm < 0).any():
        found = short(given) if mm is None else f"{mm.shape} from {mm.min(initial=0)} on"
        raise UserError(f"depth: expected (H, W) of finite mm, 0 where there is none, found {found}")
    LENGTH.check("cube, in mm", cube)
    for name, pair, rule in (("focal", focal, LENGTH), ("centre", centre, Number(-LENGTH.most, LENGTH.most))):
        if np.shape(pair) != (2,) or not all(map(rule.holds, pair)):
            raise UserError(f"{name}: expected (x, y), {rule} each, found {short(pair)}")
    focal, centre = np.asarray(focal), np.asarray(centre)
    v, u = np.nonzero(mm)
    points = np.c_[(np.c_[u, v] - centre) * mm[v, u, None] / focal, mm[v, u]]           # (n, 3) mm
    surface = points[_nearest_surface(mm, focal)[v, u]]
    if np.median(surface[:, 2]) == NO_DEPTH:
        raise UserError(f"no hand: expected 0 where there is no depth, found {NO_DEPTH}, which NYU's files have there")
    mean = surface.mean(0)
    for _ in range(ROUNDS):
        inside = (np.abs(points - mean) <= cube / 2).all(1)
        if not inside.any():
            raise UserError(f"no hand: nothing lies in the cube of {cube:g} mm around the middle of the nearest surface")
        mean = points[inside].mean(0)
    return np.r_[mean[:2] / mean[2] * focal + centre, mean[2]]


def _nearest_surface(mm, focal):
    """bool (H, W): the largest connected part of the nearest slab that has one of LEAST mm^2.  Raises UserError."""
    near, area = 0.0, 1 / focal.prod()                                                  # mm^2 of a pixel at 1 mm
    while (further := mm[mm > near]).size:
        near = further.min()
        parts, found = ndimage.label((mm >= near) & (mm < near + SLAB))
        sizes = ndimage.sum_labels(mm**2 * area, parts, np.arange(1, found + 1))
        if sizes.max() >= LEAST:
            return parts == 1 + sizes.argmax()
        near += SLAB / 2
    raise UserError(f"no hand: expected a connected surface of at least {LEAST / 100:g} cm^2, found none")
