"""From a segmenter of generated images to one of any image: the generator draws, the segmenter labels, a UNet learns from both.

The student looks at images alone, so it needs no generator later and answers for real images.  The baseline that must be
beaten, a UNet from the few labelled images themselves, is the same function with the same augmentation.
Paper: Tritrong et al., CVPR 2021 (RepurposeGAN).  Taught in: notebook 13.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..images import check_bytes, to_float, to_uint8
from ..networks import from_seed
from ..system.errors import UserError
from ..system.settings import MANY, Number, Settings, Whole
from .segmentation import PARTS, class_weights
from .unet import UNet


@dataclass(frozen=True)
class Augmentation(Settings):
    """How far images are changed while a student learns.  Each value is drawn evenly up to its bound, for each image.

    Published: translation 0.5, scale 0.5 to 2, half of the images flipped.  Crops of eyes are aligned, so ours move less; and
    an eye's mirror image is an eye of the other side, with its nose where none is: flip only where both sides occur.
    """

    rotation: Number(0, 180) = 10.0        # degrees either way
    translation: Number(0, 1) = 0.1        # of width and height, either way
    scale: Number(1, 10) = 1.25            # times at most, and its inverse at least
    tone: Number(0, 1) = 0.3               # gray levels: contrast times 1 +- tone, brightness +- tone, gamma 2 ** +- 2 tone
    flip: Number(0, 1) = 0.0               # share of images that are mirrored


@dataclass(frozen=True)
class StudentConfig(Settings):
    """A student and how it learns.  Published: 5000 generated images, Adam with 1e-3."""

    steps: Whole(1, MANY) = 300
    batch: Whole(1, 4096) = 16
    lr: Number(0, 10, above=True) = 3e-3   # falls to 0 along a cosine
    width: UNet.WIDTH = 8
    depth: UNet.DEPTH = 2
    balance: Number(0, 1) = 0.0            # of classes, as HeadConfig's: within few steps a UNet overlooks what is rare
    augmentation: Augmentation = Augmentation()


def augmented(images, targets, generator, settings):
    """Images and their targets, moved alike and the images toned  ->  the same shapes.

    images: float (N, C, H, W) in [-1, 1].  targets: float (N, classes, H, W), probabilities.  What comes in from beyond the
    edge mirrors what lies inside it.  generator: on the images' device.
    """
    grid = F.affine_grid(_placement(images, generator, settings), list(images.shape), align_corners=False)
    moved = [F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False) for x in (images, targets)]
    return _toned(moved[0], generator, settings.tone), moved[1]


def _placement(images, generator, settings):
    """(N, 2, 3) for affine_grid.  A turn in pixels: in affine_grid's coordinates, which reach from -1 to 1 both ways, it
    would shear an image that is not square."""
    n, (height, width) = len(images), images.shape[2:]
    def draw():
        return 2 * torch.rand(n, generator=generator, device=images.device) - 1
    angle, scale = math.radians(settings.rotation) * draw(), settings.scale ** draw()
    across, down = 2 * settings.translation * draw(), 2 * settings.translation * draw()
    side = torch.where(draw() < 2 * settings.flip - 1, -1.0, 1.0)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    rows = torch.stack([side * cos, -sin * height / width, across, side * sin * width / height, cos, down], -1)
    return rows.reshape(n, 2, 3)


def _toned(images, generator, reach):
    a, b, g = (reach * (2 * torch.rand(3, len(images), 1, 1, 1, generator=generator, device=images.device) - 1))
    x = ((images + 1) / 2).clamp(0, 1) ** (2.0 ** (2 * g))
    return ((2 * x - 1) * (1 + a) + b).clamp(-1, 1)


def autoshot_set(source, segmenter, latents):
    """What the generator draws from latents (N, ...), with the segmenter's answers as soft targets.

    source: a `hypercolumns.FeatureSource` on the generator, the one that the label images came from.
    Returns (uint8 (N, C, H, W), probabilities float16 (N, classes, H, W)), on the CPU.
    """
    parts = [(to_uint8(images).cpu(), segmenter.predict(columns)[1].half().cpu()) for images, columns in source.parts(latents)]
    images, targets = zip(*parts)
    return torch.cat(images), torch.cat(targets)


def one_hot(masks, classes):
    """Whole numbers (N, H, W)  ->  probabilities (N, classes, H, W), float16, for `train_student`."""
    return F.one_hot(masks.long(), classes).movedim(-1, 1).half()


def train_student(images, targets, config=None, seed=0, device="cpu"):
    """A UNet that names the part at each pixel of an image  ->  in evaluation mode; gives logits (N, classes, H, W).

    images: uint8 (N, C, H, W), one or thousands.  targets: probabilities (N, classes, H, W), from `autoshot_set` or
    `one_hot`.  Raises UserError if they do not fit each other, there are none, images are no uint8 or targets no probabilities.
    """
    check_bytes(images)
    if not len(images) or targets.ndim != 4 or (len(targets), *targets.shape[2:]) != (len(images), *images.shape[2:]):
        raise UserError(f"targets: expected {(len(images), 'classes', *images.shape[2:])}, of at least one image, found "
                        f"{tuple(targets.shape)}")
    PARTS.check("targets: classes", targets.shape[1])
    share = targets.float().mean((0, 2, 3)).to(device)
    if not abs(float(share.sum()) - 1) < 0.01:                     # NaN is not below
        raise UserError(f"targets: expected probabilities, which add up to 1 at each pixel, found {float(share.sum()):.3g}")
    c, generator = config or StudentConfig(), torch.Generator(device).manual_seed(seed)
    network = from_seed(seed, UNet, images.shape[1], targets.shape[1], c.width, c.depth).to(device)
    optimizer = torch.optim.Adam(network.parameters(), c.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, c.steps)
    weight = class_weights(share, c.balance)
    for _ in range(c.steps):
        picked = torch.randint(len(images), (c.batch,), generator=generator, device=device).to(images.device)
        x, target = augmented(to_float(images[picked].to(device)), targets[picked].to(device).float(), generator, c.augmentation)
        loss = F.cross_entropy(network(x), target, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


@torch.no_grad()
def segmented(network, images, batch=64):
    """What a student sees in uint8 images (N, C, H, W)  ->  (parts, uint8 (N, H, W); probabilities (N, classes, H, W)).

    Both on the CPU.  Raises UserError for images that are no uint8.
    """
    check_bytes(images)
    device = next(network.parameters()).device
    probabilities = torch.cat([network(to_float(part.to(device))).softmax(1).cpu() for part in images.split(batch)])
    return probabilities.argmax(1).to(torch.uint8), probabilities
