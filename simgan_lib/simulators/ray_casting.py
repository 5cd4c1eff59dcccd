"""Rays from a camera meet shapes between spheres: the depth that each ray sees, and the shape that it meets first.

A shape of two spheres is a round cone, their hull; one of three is a face: the flat piece that touches all three on the
camera's side.  A slab is its face and the round cones along its edges.  The camera is the origin; all lengths are mm.
Sphere meshes as models of hands: Tkach, Pauly & Tagliasacchi 2016.  The formulae are elementary geometry.
"""

import torch

from ..system.errors import UserError
from ..system.settings import short

MOST = 255                # shapes: their numbers are bytes
TILE = 8                  # rays are cast in tiles of 8 x 8: a shape is sought in those tiles only that its box touches


def cast(rays, touched, centres, radii, shapes):
    """depth float (N, T, K), inf where nothing is met; number of the shape that is met first, uint8 (N, T, K).

    rays     directions (N, T, K, 3): T tiles of K rays.
    touched  bool (N, P, T): the tiles in which a shape may be seen.
    centres, radii: of spheres, (N, S, 3) and (N, S).  shapes: P tuples of two or three numbers of spheres.
    Depth is z, not the way along the ray.  The nearest surface is kept as shapes come, so memory does not grow with P.
    Raises UserError for rays without a direction, and as `boxes`.
    """
    _check(centres, radii, shapes)
    n, tiles, k = rays.shape[:3]
    rays = rays.flatten(0, 1)
    length = rays.norm(dim=-1, keepdim=True)
    if not ((length > 0) & (length < torch.inf)).all():                              # NaN is neither
        raise UserError(f"rays: expected finite directions, not all 0, found lengths from {length.min():g} to {length.max():g}")
    units = (rays / length).unbind(-1)                                               # x, y, z: planes (N T, K)
    nearest = torch.full_like(units[0], torch.inf)
    which = torch.full_like(nearest, len(shapes), dtype=torch.uint8)
    for number, shape in enumerate(shapes):
        at = touched[:, number].flatten().nonzero()[:, 0]                            # J tiles, of all hands
        meet = _round_cone if len(shape) == 2 else _face
        spheres = torch.cat([centres, radii[..., None]], -1)[:, shape][at // tiles]  # (J, 2 or 3, 4)
        way, before = meet([plane[at] for plane in units], spheres), nearest[at]
        nearest[at] = torch.minimum(way, before)
        which[at] = which[at].where(way >= before, number)
    return (nearest * units[2]).view(n, tiles, k), which.view(n, tiles, k)


def boxes(centres, radii, shapes):
    """Boxes around shapes in the picture, x / z and y / z: lowest (N, P, 2), highest (N, P, 2).  Shapes lie before the camera.

    A sphere is seen between the two tangents from the camera.
    Raises UserError for a sphere that reaches the camera or has no radius, and for shapes that are none.
    """
    _check(centres, radii, shapes)
    z = centres[..., 2:]
    middle = torch.atan2(centres[..., :2], z)                                        # (N, S, 2)
    half = torch.asin((radii[..., None] / torch.hypot(centres[..., :2], z)).clamp_max(1))
    low, high = torch.tan(middle - half), torch.tan(middle + half)
    return (torch.stack([low[:, shape].amin(1) for shape in shapes], 1),
            torch.stack([high[:, shape].amax(1) for shape in shapes], 1))


def _check(centres, radii, shapes):
    """Raises UserError for spheres or shapes that rays cannot meet."""
    if not (centres.isfinite().all() and (radii > 0).all() and (radii < centres[..., 2]).all()):                  # NaN is neither
        raise UserError("spheres: expected finite centres, radii above 0, all before the camera, found radii from "
                        f"{radii.min():g} to {radii.max():g}, depths from {centres[..., 2].min():g} to {centres[..., 2].max():g}")
    wrong = [shape for shape in shapes if len(shape) not in (2, 3) or not all(0 <= i < radii.shape[1] for i in shape)]
    if wrong or not 0 < len(shapes) <= MOST:
        raise UserError(f"shapes: expected 1 to {MOST}, of 2 or 3 numbers from 0 to {radii.shape[1] - 1}, found "
                        f"{short(wrong[0]) if wrong else len(shapes)}")


def _along(units, points):
    """How far points (J, 3) lie along the rays: (J, K)."""
    return sum(unit * point[:, None] for unit, point in zip(units, points.T))


def _round_cone(units, spheres):
    """Way along the rays, planes (J, K), to the hull of two spheres (J, 2, 4); inf where it is missed.

    A point's nearest surface is the cone's if its foot on the axis, moved by the slant, lies between the two spheres.
    """
    (a, b), (ra, rb) = spheres[..., :3].unbind(1), spheres[..., 3, None].unbind(1)
    axis, dr = b - a, ra - rb
    length2, start, far2 = ((p * q).sum(-1, keepdim=True) for p, q in ((axis, axis), (axis, -a), (a, a)))
    slant2 = length2 - dr * dr
    at_a, at_b = _along(units, a), _along(units, b)
    m = at_b - at_a                                                                  # along the axis: (J, K)
    # The double cone through both spheres' circles of touch: k2 t^2 + 2 k1 t + k0 = 0.
    k2 = slant2 - m * m
    k1 = m * (dr * ra - start) - slant2 * at_a
    k0 = slant2 * far2 - start * start + 2 * start * dr * ra - length2 * ra * ra
    root = k1 * k1 - k0 * k2
    way = -(k1 + root.clamp_min(0).sqrt()) / k2
    foot = start - ra * dr + way * m
    way = way.where((root > 0) & (foot > 0) & (foot < slant2), torch.inf)
    return torch.minimum(way, torch.minimum(_sphere(at_a, a, ra), _sphere(at_b, b, rb)))


def _sphere(along, centre, radius):
    """Way to a sphere whose centre (J, 3) lies `along` the rays (J, K), inf where it is missed."""
    root = along * along - ((centre * centre).sum(-1, keepdim=True) - radius * radius)
    return (along - root.clamp_min(0).sqrt()).where(root > 0, torch.inf)


def _face(units, spheres):
    """Way to the flat triangle that touches three spheres (J, 3, 4) on the camera's side, inf where it is missed.

    Its normal n has n (B - A) = ra - rb and n (C - A) = ra - rc.  No such plane: no face.
    """
    centres, radii = spheres[..., :3], spheres[..., 3]
    sides, steps = centres[:, 1:] - centres[:, :1], radii[:, :1] - radii[:, 1:]       # (J, 2, 3), (J, 2)
    gram = sides @ sides.mT
    flat = torch.linalg.solve_ex(gram, steps[..., None])[0].mT @ sides                # (J, 1, 3): the normal's part in the plane
    upright = torch.nn.functional.normalize(torch.linalg.cross(sides[:, :1], sides[:, 1:]), dim=-1)
    upright = upright * -(upright * centres[:, :1]).sum(-1, keepdim=True).sign()
    rise2 = 1 - (flat * flat).sum(-1, keepdim=True)
    normal = flat + rise2.clamp_min(0).sqrt() * upright                               # (J, 1, 3)
    corners = centres + radii[..., None] * normal
    way = (corners[:, 0] * normal[:, 0]).sum(-1, keepdim=True) / _along(units, normal[:, 0])
    # The ray passes the same side of all three edges, as seen from the camera.
    turns = [_along(units, torch.linalg.cross(corners[:, i], corners[:, i - 1])) for i in range(3)]
    inside = ((turns[0] > 0) == (turns[1] > 0)) & ((turns[1] > 0) == (turns[2] > 0)) & (rise2[:, 0] > 0)
    return way.where(inside, torch.inf)
