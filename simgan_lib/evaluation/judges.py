"""Small networks that judge images: one whose features compare them, and one that learns to tell two kinds apart.

`fit_classifier` trains both.  Taught in: notebook 05, 10.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ..images import pixels, to_float
from ..networks import from_seed
from ..system.checkpoints import check_finite
from ..system.device import autocast_for
from .gaze import answers_of, shifted


class FeatureNetwork(nn.Module):
    """Float images in [-1, 1] (N, C, H, W)  ->  logits (N, kinds); `describe` gives the features behind them.

    Features are in [-1, 1] (tanh): images unlike any that were trained on must not blow up a distance.
    """

    def __init__(self, channels, kinds, width=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(channels, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
                                   nn.Conv2d(64, 96, 3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                   nn.Linear(96, width), nn.Tanh())
        self.verdict = nn.Linear(width, kinds)

    def forward(self, x):
        return self.verdict(self.trunk(x))

    def describe(self, images):
        """uint8 images (N, C, H, W) or an ImageSet  ->  features, float (N, width) on the CPU."""
        return answers_of(self.trunk, images)


def feature_network(images, seed, steps=400, batch=64, device="cpu"):
    """Train features on unlabelled images: name what was done to each (`CHANGES`)  ->  FeatureNetwork.

    images: an ImageSet, uint8 (N, C, H, W), or a list of these, which then contribute equally: take the synthetic and
    the unlabelled real training images, never refined ones and never test images.
    Why this task: to see a change of sharpness, noise, tone or layout is what comparing images needs, and the network
    is never told which images are real.  Features of a real-or-refined classifier would hold all that tells the two
    apart and little else; those of a gaze estimator have learned to overlook just what a refiner adds.
    """
    kinds = [pixels(each).to(device) for each in (images if isinstance(images, (list, tuple)) else [images])]
    generator = torch.Generator(device).manual_seed(seed)

    def draw():
        n = (math.ceil(batch / len(kinds)),)
        chosen = [each[torch.randint(len(each), n, generator=generator, device=device)] for each in kinds]
        return changed(to_float(torch.cat(chosen)), generator)

    network = from_seed(seed, FeatureNetwork, kinds[0].shape[1], len(CHANGES)).to(device)
    return fit_classifier(network, draw, steps, device)


def fit_classifier(network, draw, steps, device, rate=3e-3):
    """Train with cross-entropy on what draw() gives, (float images, class indices); leaves it in evaluation mode.

    Raises UserError if a weight is not finite then.
    """
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps + 1)
    for _ in range(steps):
        x, kind = draw()
        with autocast_for(device):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    check_finite(network.state_dict(), "a network that judges images")
    return network.eval()


def softened(x):
    """Images (N, C, H, W), each pixel the mean of its 3 x 3 surroundings; the border is repeated."""
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _uniform(x, low, high, generator):
    """(N, 1, 1, 1), one value an image."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device)


def _toned(x, generator):
    """Darker or brighter in the middle of the scale, by a power of 1.4 to 2.5."""
    power = 2.0 ** (_uniform(x, 0.5, 1.3, generator) * torch.sign(_uniform(x, -1, 1, generator)))
    return 2 * ((x + 1) / 2).clamp(1e-4, 1) ** power - 1


CHANGES = {
    "unchanged": lambda x, g: x,
    "upside down": lambda x, g: x.flip(-2),
    "torn": lambda x, g: x.roll(x.shape[-1] // 2, -1),      # left and right swapped: the seam and the layout are wrong
    "blurred": lambda x, g: x + _uniform(x, 0.4, 1.0, g) * (softened(x) - x),
    "sharpened": lambda x, g: x + _uniform(x, 0.5, 1.5, g) * (x - softened(x)),
    "noisy": lambda x, g: x + torch.randn(x.shape, generator=g, device=x.device) * _uniform(x, 0.02, 0.15, g),
    "toned": _toned,
}


def changed(x, generator):
    """Each image of x (N, C, H, W) in [-1, 1] changed in one way  ->  (images in [-1, 1], index of its change (N,))."""
    kind = torch.arange(len(x), device=x.device) % len(CHANGES)
    kind = kind[torch.randperm(len(x), generator=generator, device=x.device)]
    out = x.clone()
    for index, change in enumerate(CHANGES.values()):
        out[kind == index] = change(x[kind == index], generator)
    return out.clamp_(-1, 1), kind


def two_sample_classifier(a, b, seed, steps=300, batch=64, device="cpu"):
    """A small network that has learned to tell uint8 images a (N, C, H, W), class 0, from b (M, C, H, W), class 1.

    In evaluation mode; takes float images in [-1, 1] and gives logits (N, 2).  Both classes count alike.
    Raises ValueError if a side is empty.  Taught in: notebook 10.
    """
    images, kinds = equally_many(a, b, device)
    generator = torch.Generator(device).manual_seed(seed)

    def draw():
        pick = torch.randint(len(images), (batch,), generator=generator, device=device)
        return to_float(shifted(images[pick], 1, generator)), kinds[pick]

    network = from_seed(seed, _two_sample_network, images.shape[1]).to(device)
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)                                   # dropout draws from the global generator
        return fit_classifier(network, draw, steps, device)


def _two_sample_network(channels):
    return nn.Sequential(nn.Conv2d(channels, 24, 3, 2, 1), nn.ReLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU(),
                         nn.Conv2d(48, 64, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(),
                         nn.Dropout(0.3), nn.Linear(64 * 6, 2))


def equally_many(a, b, device):
    """(images, class 0 for a and 1 for b): as many of one as of the other, evenly spread over the longer one."""
    n = min(len(a), len(b))
    if not n:
        raise ValueError(f"expected images on both sides of each half, found {len(a)} and {len(b)}")
    a, b = (x[torch.linspace(0, len(x) - 1, n).long()].to(device) for x in (a, b))
    return torch.cat([a, b]), torch.arange(2, device=device).repeat_interleave(n)
