"""SS-GAN's second task for a discriminator: say by how many quarter turns an image was rotated.  Taught in: notebook 12.

Chen, Zhai, Ritter, Lucic, Houlsby: Self-Supervised GANs via Auxiliary Rotation Loss, CVPR 2019, arXiv 1811.11212.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ..system.errors import UserError

TURNS = 4                 # label r: r quarter turns against the clock, 0, 90, 180, 270 degrees


def central_square(images):
    """The largest square in the middle.  (..., H, W) -> (..., S, S), S the smaller side: a view, not a copy.

    A side that is longer by an odd number loses one pixel more at its end.
    """
    height, width = images.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top:top + side, left:left + side]


def quarter_turns(images, turns):
    """Images (N, C, S, S) turned by `turns` times 90 degrees against the clock: never a transpose, which mirrors.

    Raises UserError if they are not square.
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise UserError(f"images to rotate are {tuple(images.shape)}, expected (N, C, S, S), square ones: `central_square` cuts "
                        "them so")
    return torch.rot90(images, turns, (2, 3))


def _all(images):
    return [images] * TURNS


def _quarters(images):
    return images.tensor_split(TURNS)


def _last_quarter(images):
    return [images[len(images) - len(images) // TURNS:]] * TURNS


# What is shown in each of the four rotations, 0 to 3 turns.
MODES = {"all": _all, "quarters": _quarters, "last_quarter": _last_quarter}


def rotate_batch(images, mode="all"):
    """Images (N, C, S, S)  ->  (rotated ones (M, C, S, S), labels int64 (M,) from 0 to 3), those of one label together.

    mode: "all", each image in four rotations, M = 4 N; "quarters", one quarter of the batch for each angle, M = N, as
    mimicry does; "last_quarter", the last quarter of the batch in four rotations, M = 4 floor(N / 4), as compare_gan does.
    Nothing is drawn at random.  Raises UserError for images that are not square, another mode, or fewer than four images
    where these are needed.
    """
    if mode not in MODES:
        raise UserError(f"mode: expected one of {', '.join(MODES)}, found {mode!r}")
    if mode != "all" and len(images) < TURNS:
        raise UserError(f"mode {mode}: expected at least {TURNS} images, found {len(images)}")
    parts = [quarter_turns(part, turns) for turns, part in enumerate(MODES[mode](images))]
    sizes = torch.tensor([len(part) for part in parts], device=images.device)
    return torch.cat(parts), torch.arange(TURNS, device=images.device).repeat_interleave(sizes)


class RotationHead(nn.Module):
    """Q: the last features of a discriminator (N, F)  ->  logits (N, 4), one for each rotation.  Linear.

    spectral: with spectral norm, where the discriminator has it.
    """

    def __init__(self, features, spectral=False):
        super().__init__()
        linear = nn.Linear(features, TURNS)
        self.linear = spectral_norm(linear) if spectral else linear

    def forward(self, features):
        return self.linear(features)


def rotation_loss(logits, labels):
    """Categorical cross-entropy of each image's rotation, -log Q(R = r | x rotated by r).

    logits: float (N, 4).  labels: int64 (N,), 0 to 3.  Returns (N,), nats; ln 4 = 1.39 is guessing.
    Raises ValueError for other shapes, and on the CPU for other labels: a GPU would have to be waited for.
    Paper: SS-GAN; the discriminator's on real images only, times beta; the generator's on its own, times alpha.
    Taught in: notebook 12.
    """
    if logits.ndim != 2 or logits.shape[1] != TURNS:
        raise ValueError(f"logits: expected (N, {TURNS}), found {tuple(logits.shape)}")
    if labels.shape != logits.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(f"labels: expected int64 ({len(logits)},), found {labels.dtype} {tuple(labels.shape)}")
    if labels.is_cpu and len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < TURNS:
        raise ValueError(f"labels: expected 0 to {TURNS - 1}, found {int(labels.min())} to {int(labels.max())}")
    return F.cross_entropy(logits, labels, reduction="none")
