"""What refined images are for: train a gaze estimator on labelled images, measure it on real ones.

Taught in: notebook 05, 09.
"""

from dataclasses import dataclass

import torch

from ..gaze import angular_error_deg, gaze_angles, gaze_vector
from ..images import check_labels, pixels, to_float
from ..networks import GazeEstimator, count_parameters, from_seed
from ..system.checkpoints import check_finite
from ..system.device import autocast_for, check_memory, keep_freed_memory
from ..system.errors import UserError
from ..system.settings import MANY, Number, OneOf, Settings, Whole
from ..training import TrainingFailed
from ..training_config import RATE
from .statistics import bootstrap_interval


@dataclass(frozen=True)
class GazeTrainingConfig(Settings):
    """How a gaze estimator is trained: the same for every training set that is to be compared.

    The length is a number of updates, not of epochs, so that a larger training set is not also trained for longer.
    Raises UserError for values that cannot work.
    """

    steps: Whole(1, MANY)
    network: OneOf(("small", "paper")) = "small"   # paper: the published layers
    batch: Whole(1, 65_536) = 64
    learning_rate: RATE = 2e-3                     # the highest; it rises over the first tenth and falls to zero (one cycle)
    shift: Whole(0, 1000) = 2                      # augmentation: whole pixels in each direction, at most
    contrast: Number(0, 10) = 0.15                 # augmentation: standard deviation of the log of the contrast
    brightness: Number(0, 10) = 0.1                # augmentation: standard deviation of the offset, images being in [-1, 1]


PRESETS = {
    "quick": GazeTrainingConfig(steps=2000),
    # Until the error on refined images stops falling: after 6,000 updates it still did, that on raw ones did not.
    "full": GazeTrainingConfig(steps=15_000, batch=128),
    # Published: the layers and the loss.  Not published: batch, rate and length of this training; ours were chosen.
    "paper": GazeTrainingConfig(steps=20_000, network="paper", batch=512, learning_rate=3e-4),
}


LEAST = 8                 # pixels of a side, of which the small network makes one
LOOKED = 100              # steps between two looks at the loss


# ---- training ----
def train_gaze_estimator(training, config, seed, device="cpu", progress=None):
    """Train on the images and `gaze` labels of an ImageSet  ->  GazeEstimator on `device`, in evaluation mode.

    progress: called as progress(done, total) after each step, for a bar.
    Raises UserError if there are no images or no gaze labels, or as `check_size`; TrainingFailed if the training is lost.
    Paper: section 3.1.
    """
    return carried_out(gaze_training(training, config, seed, device), "the gaze estimator", progress)


def one_cycle(optimizer, rate, steps):
    """The learning rate rises to `rate` over a tenth of the steps, of few steps over one and a half, and falls to zero."""
    total = steps + 1
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total, pct_start=max(0.1, 1.5 / total))


def carried_out(training, who, progress=None):
    """Run a loop such as `gaze_training` to its end  ->  its estimator, in evaluation mode.  who: is trained, for messages.

    progress: called as progress(done, total) after each step.  Raises TrainingFailed if a loss or weight is not a number.
    """
    for record in training:
        step = record["step"]
        if (step % LOOKED == 0 or step == record["total"]) and not record["loss"].isfinite():        # looking waits for the device
            raise TrainingFailed(f"step {step}: {who}'s loss is not a number; try a smaller learning_rate")
        if progress is not None:
            progress(step, record["total"])
    check_finite(record["estimator"].state_dict(), who, TrainingFailed)
    return record["estimator"].eval()


def gaze_training(training, config, seed, device="cpu"):
    """The loop behind `train_gaze_estimator`: yields {"step", "total", "loss" (0-dim tensor), "estimator"} a step.

    Loss: squared distance between the network's three outputs and the unit gaze vector, mean over the batch.
    """
    keep_freed_memory()
    check_labelled(training, "a gaze estimator")
    check_size(training, config, device)
    images, target = training.images.to(device), gaze_vector(training.labels["gaze"].float()).to(device)         # (N, 3)
    generator = torch.Generator(device).manual_seed(seed)
    estimator = from_seed(seed, GazeEstimator, config.network, tuple(images.shape[2:]), images.shape[1])
    estimator = estimator.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(estimator.parameters(), lr=config.learning_rate, fused=True)
    schedule = one_cycle(optimizer, config.learning_rate, config.steps)
    for step in range(1, config.steps + 1):
        pick = torch.randint(len(images), (config.batch,), generator=generator, device=device)
        batch = augmented(images[pick], config, generator).contiguous(memory_format=torch.channels_last)
        with autocast_for(device):
            vector = estimator(batch)                                            # (B, 3)
        loss = (vector.float() - target[pick]).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield {"step": step, "total": config.steps, "loss": loss.detach(), "estimator": estimator}


def check_size(training, config, device):
    """Raises UserError if a gaze estimator cannot be of the images' size: too few pixels to see an eye, or too many weights."""
    channels, *size = training.images.shape[1:]
    if min(size) < LEAST:
        raise UserError(f"a gaze estimator needs images of at least {LEAST} x {LEAST} pixels, found {size[0]} x {size[1]}")
    with torch.device("meta"):                                                   # takes no memory
        weights = count_parameters(GazeEstimator(config.network, size, channels))
    check_memory(16 * weights, device, f"a gaze estimator for images of {size[0]} x {size[1]}")    # gradient, two moments


def check_labelled(training, who):
    """Raises UserError if an ImageSet to train on has no images, no gaze labels or a wrong one.  who: wants to be trained."""
    if not len(training) or "gaze" not in training.labels:
        raise UserError(f"{who} needs images with gaze labels; found {len(training)} images with "
                        f"{', '.join(sorted(training.labels)) or 'no'} labels")
    check_labels(training, who)


def augmented(images, config, generator):
    """uint8 (B, C, H, W)  ->  float in [-1, 1]: each image shifted, its contrast and brightness changed.

    Crops are never quite centred and cameras expose as they like; neither says anything of the gaze.
    """
    def normal():
        return torch.randn(len(images), 1, 1, 1, generator=generator, device=images.device)

    gain, offset = (config.contrast * normal()).exp(), config.brightness * normal()
    x = to_float(shifted(images, config.shift, generator))
    return (x * gain + offset).clamp_(-1, 1)


def shifted(images, most, generator):
    """Each image (B, C, H, W) moved by -most .. most whole pixels in x and y; the border is repeated."""
    image, channel, *places = (torch.arange(n, device=images.device) for n in images.shape)
    for axis, place in enumerate(places):
        move = torch.randint(-most, most + 1, (len(images), 1), generator=generator, device=images.device)
        places[axis] = (place + move).clamp_(0, len(place) - 1)                  # (B, H), (B, W)
    return images[image[:, None, None, None], channel[:, None, None], places[0][:, None, :, None], places[1][:, None, None]]


@torch.no_grad()
def answers_of(network, images, batch=512):
    """What a network says of an ImageSet or of uint8 images (N, C, H, W): float (N, ...) on the CPU.

    In float32 on every device, so that what is reported does not depend on the hardware's number format.
    """
    device = next(network.parameters()).device
    return torch.cat([network(to_float(part.to(device))).cpu() for part in pixels(images).split(batch)])


def predict_gaze(estimator, images, batch=512):
    """Gaze (pitch, yaw) in radians (N, 2), on the CPU, of an ImageSet or of uint8 images (N, C, H, W)."""
    return gaze_angles(answers_of(estimator, images, batch))


# ---- measuring ----
def gaze_report(predicted, truth, thresholds=(7.0,), seed=0, groups=None):
    """Mean angular error in degrees and the percentage of images within each threshold, with 95 % intervals.

    predicted, truth: (N, 2) gaze angles in radians.  groups: N names (of days, say); whole groups are then resampled,
    since neighbouring frames are near-duplicates and single images would give intervals that are far too narrow.
    Returns {"gaze_error_deg": {"mean", "low", "high", "n"}, "within_7_deg": the same in %, ...}; one group has no interval.
    Paper: Table 2, Table 3.
    """
    errors = angular_error_deg(predicted, truth).cpu().numpy()
    wanted = {"gaze_error_deg": errors} | {f"within_{degrees:g}_deg": 100.0 * (errors <= degrees) for degrees in thresholds}
    return {name: bootstrap_interval(values, seed, groups) for name, values in wanted.items()}
