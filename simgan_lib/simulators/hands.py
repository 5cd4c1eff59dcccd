"""The hand simulator: labelled depth images of hands, ray-cast, hundreds a second.

A posable hand (see hand_model) before the camera of NYU's pictures; a cube of 300 mm around it is cut out as the reader of
NYU does, so that simulated and real images are encoded alike.  Its clean depth is the synthetic domain of the paper's second
experiment (section 3.2).  Taught in: notebook 14.
"""

import torch
import torch.nn.functional as F

from ..hands import CENTRE, FOCAL, Crop, check_size, projected
from ..images import ImageSet
from ..system.device import check_memory, resolve_device
from ..system.errors import UserError
from ..system.settings import COUNT, SEED
from .hand_model import EVALUATED_SPHERES, PART_OF_SHAPE, SHAPES, spheres
from .hand_prior import PRIOR, check_hands, draw_hands
from .ray_casting import TILE, boxes, cast

CHUNK = {"cpu": 64, "cuda": 1024}  # hands rendered at a time: on a CPU, as many as its cache holds the planes of
FLESH = 2.0               # a joint is seen if nothing lies before it by more than so many times its own flesh


def simulate_hands(n, seed, size=(96, 96), device="cpu", prior=PRIOR, progress=None):
    """n synthetic hands drawn from the prior  ->  ImageSet with all labels.  Same seed and device, same images.

    They are the hands of `draw_hands`, whose generator has that seed.
    progress: called as progress(done, total) now and then, in hands, for a bar.
    Raises UserError as `generator_of` and `draw_hands`.
    """
    return render_hands(draw_hands(n, generator_of(n, seed, size, device), prior), size, progress)


def render_hands(hands, size=(96, 96), progress=None):
    """Clean depth images  ->  ImageSet of uint8 (N, 1, H, W) with exact labels, encoded as the reader of NYU encodes.

    The near side of the cube around the hand is 0, its far side and all behind it 255.
    Labels: joints float32 (N, 14, 3), x and y px of the crop and z mm behind the cube's middle, in the order of JOINT_NAMES;
    cube float32 (N, 4), its middle's u, v px and z mm, and its width in mm;
    visible bool (N, 14), whether nothing but flesh of their own lies before joints; parts uint8 (N, H, W), numbered as in PARTS.
    Raises UserError for a size that is none, for hands that reach the camera, and for values that no hand has.
    """
    check_images(len(hands), size, hands.device)
    rendered, step = [], _chunk(hands)
    for i in range(0, len(hands), step):
        rendered.append(_rendered(hands.chunk(slice(i, i + step)), size))
        if progress is not None:
            progress(min(i + step, len(hands)), len(hands))
    images, labels = zip(*rendered)
    labels = {name: torch.cat([label[name] for label in labels]) for name in labels[0]}
    return ImageSet(torch.cat(images), labels, source="simulated hands (simgan_lib.simulators.hands)")


def generator_of(n, seed, size, device):
    """The generator of n images, on the device.  Raises UserError as `check_images`, and for what is no seed or device."""
    SEED.check("seed", seed)
    device = resolve_device(device)
    check_images(n, size, device)
    return torch.Generator(device).manual_seed(int(seed))


def check_images(n, size, device):
    """UserError unless n is a number of images, size is as `check_size` says, and so many fit into memory."""
    COUNT.check("number of hands", n)
    check_size(size)
    check_memory(n * size[0] * size[1], device, f"{n:,} images of hands")


def joints_of(hands):
    """The hands' 14 joints: places float32 (N, 14, 3), u and v px of the camera's picture and z mm.

    Raises UserError for hands that reach the camera, and for values that no hand has.
    """
    return projected(_spheres(hands)[0][:, EVALUATED_SPHERES])


def depth_of(hands, pixels):
    """Depth in mm, float32 (N, H, W); inf where no surface is.

    pixels: columns (N, W) and rows (N, H) of the camera's picture that are wanted; `Crop.pixels` gives those of a cube.
    Raises UserError for no pixels, those of another number of hands, hands that reach the camera, and values that no hand has.
    """
    pixels = pixels if isinstance(pixels, (tuple, list)) else [pixels]
    if len(pixels) != 2 or not all(torch.is_tensor(along) and along.ndim == 2 and len(along) == len(hands) and along.numel()
                                   for along in pixels):
        found = " and ".join(str(tuple(along.shape)) if torch.is_tensor(along) else type(along).__name__ for along in pixels)
        raise UserError(f"pixels: expected tensors, columns (N, W) and rows (N, H), of {len(hands)} hands, found {found}")
    step = _chunk(hands)
    return torch.cat([_seen(*_spheres(hands.chunk(at)), *(along[at] for along in pixels))[0]
                      for at in (slice(i, i + step) for i in range(0, len(hands), step))])


def _chunk(hands):
    return CHUNK.get(hands.device.type, CHUNK["cuda"])


def _rendered(hands, size):
    """uint8 (n, 1, H, W) and labels of a few hands."""
    centres, radii = _spheres(hands)
    joints = projected(centres[:, EVALUATED_SPHERES])
    crop = Crop.around(joints, size)
    depth, shape = _seen(centres, radii, *crop.pixels())
    part_of = torch.tensor((*PART_OF_SHAPE, 0), dtype=torch.uint8, device=depth.device)
    labels = {"joints": crop.joints(joints), "cube": crop.label(), "visible": visible_joints(centres, radii),
              "parts": part_of[shape.long()]}
    return crop.image(depth)[:, None], labels


def _spheres(hands):
    check_hands(hands)
    centres, radii = spheres(hands)
    nearest = (centres[..., 2] - radii).amin()
    if not nearest > 0:                                        # NaN is not above
        raise UserError(f"depth of hands: expected hands before the camera, found one that reaches to {nearest:.0f} mm")
    return centres, radii


def _seen(centres, radii, columns, rows):
    """Depth (n, H, W) and the shape that is seen, in the pixels (columns (n, W), rows (n, H)) of the camera's picture."""
    x, y = _slopes(columns, 0), _slopes(rows, 1)
    tiles = y.shape[1] // TILE, x.shape[1] // TILE
    rays = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None], x.new_ones(())), -1)     # (n, H, W, 3)
    depth, shape = cast(_tiled(rays), _touched(centres, radii, x, y), centres, radii, SHAPES)
    return tuple(_untiled(plane, tiles)[:, :rows.shape[1], :columns.shape[1]] for plane in (depth, shape))


def _slopes(pixels, axis):
    """Directions of rays, x / z or y / z, through pixels (n, W) of the camera's picture; the last repeated to fill its tile."""
    slopes = (pixels - CENTRE[axis]) / FOCAL[axis]
    return F.pad(slopes.float()[:, None], (0, -pixels.shape[1] % TILE), mode="replicate")[:, 0]


def _tiled(rays):
    """(n, H, W, 3)  ->  (n, T, TILE * TILE, 3)."""
    return rays.unflatten(2, (-1, TILE)).unflatten(1, (-1, TILE)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _untiled(planes, tiles):
    """(n, T, TILE * TILE)  ->  (n, H, W)."""
    return planes.unflatten(2, (TILE, TILE)).unflatten(1, tiles).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _touched(centres, radii, x, y):
    """The tiles that each shape's box touches: bool (n, P, T)."""
    low, high = boxes(centres, radii, SHAPES)                                         # (n, P, 2)
    across, down = (_overlap(low[..., i], high[..., i], slopes.unflatten(1, (-1, TILE))) for i, slopes in enumerate((x, y)))
    return (down[..., :, None] & across[..., None, :]).flatten(2)


def _overlap(low, high, tiles):
    """Whether intervals (n, P) meet the tiles (n, T, TILE) of increasing slopes: bool (n, P, T)."""
    return (low[..., None] <= tiles[:, None, :, -1]) & (high[..., None] >= tiles[:, None, :, 0])


def visible_joints(centres, radii):
    """Whether the camera sees the joints: nothing lies before them but the flesh that is there: bool (n, 14)."""
    joints = centres[:, EVALUATED_SPHERES]
    everywhere = torch.ones(len(joints), len(SHAPES), 1, dtype=torch.bool, device=joints.device)
    depth = cast(joints[:, None], everywhere, centres, radii, SHAPES)[0][:, 0]
    return joints[..., 2] - depth < FLESH * radii[:, EVALUATED_SPHERES]
