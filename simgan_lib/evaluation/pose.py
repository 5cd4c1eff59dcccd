"""Where the joints of a hand are, in a depth image: train a hand pose estimator on labelled images, ask it of others.

Taught in: notebook 14.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..hands import CUBE, SIDE, Crop, check_size
from ..images import check_bytes, check_labels, pixels, to_float
from ..networks import HandPoseEstimator, count_parameters, evaluated, from_seed
from ..system.device import autocast_for, check_memory, keep_freed_memory, resolve_device
from ..system.errors import UserError
from ..system.settings import MANY, SEED, Number, OneOf, Settings, Whole, short
from ..training_config import RATE
from .gaze import carried_out, one_cycle

SIGMA = 1.0               # cells: standard deviation of a heat map's Gaussian
DEPTH = CUBE / 2          # mm: the unit of the depth maps
LEAST = 16                # pixels of a side


@dataclass(frozen=True)
class PoseTrainingConfig(Settings):
    """How a hand pose estimator is trained: the same for every training set that is to be compared.

    The length is a number of updates, not of epochs, so that a larger training set is not also trained for longer.
    Raises UserError for values that cannot work.
    """

    steps: Whole(1, MANY)
    network: OneOf(HandPoseEstimator.PRESETS) = "small"   # paper: two modules, heat maps of 64x64
    batch: Whole(1, 65_536) = 32
    learning_rate: RATE = 2e-3        # the highest; it rises over the first tenth and falls to zero (one cycle)
    shift: Number(0, 1) = 0.05        # augmentation: in each direction, at most, in sides of the image
    turn: Number(0, 180) = 10.0       # augmentation: degrees either way in the image plane, at most
    size: Number(0, 1) = 0.05         # augmentation: standard deviation of the log of the hand's size


PRESETS = {
    "quick": PoseTrainingConfig(steps=400, batch=16, learning_rate=1e-2),
    "full": PoseTrainingConfig(steps=15_000, network="paper", learning_rate=1e-3),
    # Reported: two modules, heat maps of 64x64.  Not published: batch, rate, length and loss of this training; ours were chosen.
    "paper": PoseTrainingConfig(steps=60_000, network="paper", learning_rate=5e-4),
}


# ---- joints and heat maps ----
def to_cells(places, size, maps):
    """Places (..., 2), x and y in pixels of an image of `size` (height, width)  ->  in cells of a map of maps x maps.

    The centre of the first pixel is (0, 0), and so is that of the first cell, which lies elsewhere.
    Raises UserError for what is no size of an image or a map.

    >>> to_cells(torch.tensor([0.0, 1.5]), (96, 96), 24)
    tensor([-0.3750,  0.0000])
    """
    SIDE.check("maps", maps)
    return (places + 0.5) * maps / _width_height(size, places) - 0.5


def to_pixels(cells, size, maps):
    """The inverse of `to_cells`.

    >>> to_pixels(torch.tensor([0.0, 23.0]), (96, 96), 24)
    tensor([ 1.5000, 93.5000])
    """
    SIDE.check("maps", maps)
    return (cells + 0.5) * _width_height(size, cells) / maps - 0.5


def _width_height(size, like):
    check_size(size)
    return torch.tensor([size[1], size[0]], dtype=like.dtype, device=like.device)


def heat_maps(joints, size, maps, sigma=SIGMA):
    """Where each joint is, as a Gaussian of `sigma` cells around it, 1 at its middle.  (N, J, maps, maps).

    joints: (N, J, 2 or more), x and y in pixels of images of `size`.  A joint outside of the image has a map of zeros.
    Raises UserError for joints that are none, and what is no size of an image, a map or a Gaussian.
    """
    if not torch.is_tensor(joints) or joints.ndim != 3 or joints.shape[2] < 2 or not joints.isfinite().all():
        raise UserError(f"joints: expected a tensor (N, J, 2 or more) of finite numbers, found {short(joints)}")
    Number(0, 1000, above=True).check("sigma", sigma)
    return _gaussians(joints, size, maps, sigma)


def _gaussians(joints, size, maps, sigma=SIGMA):
    """`heat_maps` without a look at each number: on a GPU, that waits for it."""
    cells = to_cells(joints[..., :2], size, maps)
    line = torch.arange(maps, dtype=cells.dtype, device=cells.device)
    across, down = torch.exp(-(line - cells[..., None]) ** 2 / (2 * sigma ** 2)).unbind(2)         # (N, J, maps) each
    inside = ((cells >= -0.5) & (cells < maps - 0.5)).all(2)
    return down[..., :, None] * across[..., None, :] * inside[..., None, None]


def peaks(logits):
    """Places (N, J, 2), x and y in cells, of the highest values of maps (N, J, h, w), finer than a cell.

    The logits of a Gaussian are a parabola: its vertex is computed from the highest cell and its two neighbours, along x
    and along y, and is exact for a Gaussian.  A cell on the border has no two neighbours: along that axis it is itself.
    After Zhang et al. 2020 (DARK, arXiv 1910.06278), whose Taylor series of the log of a heat map this is.
    """
    highest = _highest(logits)
    row = logits.shape[3] + 2
    x, y = highest % logits.shape[3], highest // logits.shape[3]
    flat = F.pad(logits, (1, 1, 1, 1), value=torch.nan).flatten(2)
    place = (y + 1) * row + x + 1
    top, left, right, above, below = (flat.gather(2, (place + step)[..., None])[..., 0] for step in (0, -1, 1, -row, row))
    finer = [(after - before) / (2 * (2 * top - before - after)) for before, after in ((left, right), (above, below))]
    return torch.stack([x, y], 2) + torch.stack(finer, 2).nan_to_num(0.0)          # NaN: on the border, or a flat map


def _highest(maps):
    return maps.flatten(2).argmax(2)                                               # (N, J)


def joints_from_maps(answers, size):
    """Joints (N, J, 3) from one module's answers (N, 2, J, h, w) on images of `size`: x, y in pixels, z in mm.

    x, y: the peak of the heat map; z: what the depth map says in the peak's cell.
    """
    heat, depth = answers.unbind(1)
    z = DEPTH * depth.flatten(2).gather(2, _highest(heat)[..., None])
    return torch.cat([to_pixels(peaks(heat), size, heat.shape[-1]), z], 2)


def pose_loss(answers, joints, size):
    """For each image (N,): how far the heat maps are from Gaussians, and the depths from the joints', mean over joints.

    answers: (N, modules, 2, J, h, w) of a HandPoseEstimator; joints: (N, J, 3) in pixels and mm; size: of the images.
    A heat map's loss is the Kullback-Leibler divergence of its softmax from the Gaussian (nats); a depth map's is the
    distance to z in halves of the cube, weighed by the Gaussian.  Every module is judged, as by Newell et al., who took
    squared differences instead.  A joint outside of the image says nothing.
    """
    heat, depth = answers.float().unbind(2)                                        # (N, modules, J, h, w)
    share = _gaussians(joints, size, heat.shape[-1])
    share = (share / share.sum((2, 3), keepdim=True).clamp(min=1e-6))[:, None].expand_as(heat)
    apart = F.kl_div(heat.flatten(3).log_softmax(3), share.flatten(3), reduction="none").sum(3)
    behind = (share * (depth - joints[:, None, :, 2, None, None] / DEPTH).abs()).sum((3, 4))
    return (apart + behind).mean((1, 2))


# ---- training ----
def train_pose_estimator(training, config, seed, device="cpu", progress=None, start=None):
    """Train on the images and `joints` labels of an ImageSet  ->  HandPoseEstimator on `device`, in evaluation mode.

    progress: called as progress(done, total) after each step, for a bar.
    start: a HandPoseEstimator to go on from, which stays as it is: fine-tuning with a few real labels.
    Raises UserError as `pose_training`; TrainingFailed if the training is lost.
    Paper: section 3.2.
    """
    return carried_out(pose_training(training, config, seed, device, start), "the hand pose estimator", progress)


def pose_training(training, config, seed, device="cpu", start=None):
    """The loop behind `train_pose_estimator`: yields {"step", "total", "loss" (0-dim tensor), "estimator"} a step.

    joints: (N, J, 3), x and y in pixels, z in mm behind the middle of a cube of 300 mm, as of `datasets.nyu`.
    Raises UserError if there are no images, no joints or wrong ones, or none within the images, if the images are too small, if
    `start` is another network than the configured one, and for what is no seed or device.
    """
    SEED.check("seed", seed)
    device = resolve_device(device)
    keep_freed_memory()
    check_posed(training, config, device)
    images, joints = training.images.to(device), training.labels["joints"].float().to(device)
    size, generator = images.shape[2:], torch.Generator(device).manual_seed(int(seed))
    cells = to_cells(joints[..., :2], size, 1)
    if not (cells.abs() < 0.5).all(2).any():
        raise UserError("a hand pose estimator needs joints within the images, found none: x and y are pixels of the image")
    estimator = from_seed(seed, HandPoseEstimator, config.network, joints.shape[1], images.shape[1])
    if start is not None:
        take_over(estimator, start)
    estimator = estimator.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(estimator.parameters(), lr=config.learning_rate, fused=True)
    schedule = one_cycle(optimizer, config.learning_rate, config.steps)
    for step in range(1, config.steps + 1):
        pick = torch.randint(len(images), (config.batch,), generator=generator, device=device)
        batch, places = augmented(images[pick], joints[pick], config, generator)
        with autocast_for(device):
            answers = estimator(batch.contiguous(memory_format=torch.channels_last))
        loss = pose_loss(answers, places, size).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield {"step": step, "total": config.steps, "loss": loss.detach(), "estimator": estimator}


def check_posed(training, config, device):
    """Raises UserError if an ImageSet has no images or joints that a hand pose estimator could be trained on."""
    if not len(training) or "joints" not in training.labels:
        raise UserError(f"a hand pose estimator needs images with joints; found {len(training)} images with "
                        f"{', '.join(sorted(training.labels)) or 'no'} labels")
    check_labels(training, "a hand pose estimator")
    if "cube" in training.labels and (other := training.labels["cube"][:, 3] != CUBE).any():
        raise UserError(f"a hand pose estimator needs hands in cubes of {CUBE:g} mm, which its depth is told in, found one of "
                        f"{training.labels['cube'][other][0, 3]:g} mm")
    (channels, *size), joints = training.images.shape[1:], training.labels["joints"].shape[1]
    if min(size) < LEAST or not joints:
        raise UserError(f"a hand pose estimator needs images of at least {LEAST} x {LEAST} pixels and at least one joint, found "
                        f"{size[0]} x {size[1]} and {joints}")
    with torch.device("meta"):                                                     # takes no memory
        weights = count_parameters(HandPoseEstimator(config.network, joints, channels))
    check_memory(16 * weights, device, "a hand pose estimator")                    # gradient, two moments


def take_over(estimator, start):
    """Give a network the weights of another.  Raises UserError if that is not of the same make."""
    try:
        estimator.load_state_dict(start.state_dict())
    except (RuntimeError, AttributeError) as error:
        raise UserError("start: expected a HandPoseEstimator with the configured network, joints and channels, found "
                        f"{type(start).__name__} of another make") from error


def augmented(images, joints, config, generator):
    """uint8 images (B, C, H, W) and joints (B, J, 3)  ->  the same hands as floats in [-1, 1], each shifted, turned in the
    image plane and changed in size at random, and their joints with them.

    Crops are never quite centred and hands never alike.
    """
    def uniform(*shape):
        return 2 * torch.rand(len(images), *shape, generator=generator, device=images.device) - 1

    factor = (config.size * torch.randn(len(images), generator=generator, device=images.device)).exp()
    shift = config.shift * uniform(2) * _width_height(images.shape[2:], factor)
    return moved(to_float(images), joints, config.turn * uniform(), factor, shift)


def moved(images, joints, turn, factor, shift):
    """Depth images (B, C, H, W), floats in [-1, 1], and joints (B, J, 3), moved alike: turned, scaled, then shifted.

    turn: degrees (B,) about the image's middle; above 0, x turns towards y: clockwise, as y points down.
    factor: (B,) of the hand's size, its depth included: as if the cube had been so many times smaller.
    shift: (B, 2), x and y in pixels.  What comes in from outside is background, 1.
    The nearest pixel is taken: between a hand and the wall behind it, a mean depth would be neither.  In-plane turns are
    exact for a camera that looks at the image's middle; the crop's own is a few degrees off.
    """
    size = images.shape[2:]
    middle = (_width_height(size, factor) - 1) / 2
    cos, sin = turn.deg2rad().cos(), turn.deg2rad().sin()
    forward = factor[:, None, None] * torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)       # (B, 2, 2)
    y, x = (torch.arange(n, dtype=factor.dtype, device=factor.device) for n in size)
    pixel = torch.stack(torch.meshgrid(x, y, indexing="xy"), 2).flatten(0, 1)                                         # (H W, 2)
    source = (pixel - middle - shift[:, None]) @ forward / factor[:, None, None] ** 2 + middle                        # (B, H W, 2)
    grid = ((source + 0.5) * 2 / _width_height(size, factor) - 1).unflatten(1, size)
    found = F.grid_sample(images - 1, grid, mode="nearest", align_corners=False) + 1                                  # outside: 1
    deeper = (found * factor[:, None, None, None]).clamp(-1, 1)
    places = (joints[..., :2] - middle) @ forward.mT + middle + shift[:, None]
    return torch.where(found < 1, deeper, found), torch.cat([places, joints[..., 2:] * factor[:, None, None]], 2)


@torch.no_grad()
def predict_pose(estimator, images, batch=64):
    """Joints (N, J, 3), x and y in pixels, z in mm, on the CPU, of an ImageSet or of uint8 images (N, C, H, W).

    z: in cubes of 300 mm, or of what the label cube of an ImageSet says, which gray levels are told in.
    In float32 on every device, so that what is reported does not depend on the hardware's number format.
    Raises UserError if the images are not uint8 (N, C, H, W), or a label cube is wrong.
    """
    cubes = Crop.of(images.to("cpu")).cube.float() if "cube" in getattr(images, "labels", {}) else torch.tensor([CUBE])
    images, device = pixels(images), next(estimator.parameters()).device
    check_bytes(images)
    with evaluated(estimator):
        joints = torch.cat([joints_from_maps(estimator(to_float(part.to(device)))[:, -1], part.shape[2:]).cpu()
                            for part in images.split(batch)])
    joints[..., 2] *= cubes[:, None] / CUBE
    return joints
