"""The same work written plainly, to compare with: float32, contiguous tensors, eager, one thing at a time.

As one writes it first, and as public ports of SimGAN do.
"""

import random
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.isotonic import IsotonicRegression
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks.measuring import SIZE, Work
from simgan_lib.evaluation.judges import FeatureNetwork
from simgan_lib.evaluation.pupil import pupil_centres
from simgan_lib.gaze import gaze_vector
from simgan_lib.images import ImageSet, to_float
from simgan_lib.networks import GazeEstimator, Refiner
from simgan_lib.simulators.eyes import simulate
from simgan_lib.training import Training, TrainingConfig

ENDLESS = 10_000_000


def eyes(n, seed=0):
    """Anything of the right size: the time of a step does not depend on what is in the pictures."""
    generator = torch.Generator().manual_seed(seed)
    return ImageSet(torch.randint(0, 256, (n, 1, *SIZE), dtype=torch.uint8, generator=generator))


# ---- Algorithm 1 ----
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


class Reference:
    """The steps after the paper: both losses, half of a batch from the history."""

    def __init__(self, sizes):
        self.batch, self.device = sizes.batch, sizes.device
        self.synthetic, self.real = (to_float(eyes(sizes.images, seed).images).to(self.device) for seed in (0, 1))
        self.refiner = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), *[Block() for _ in range(4)],
                                     nn.Conv2d(64, 1, 1), nn.Tanh()).to(self.device)
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, 96, 3, 2, 1), nn.ReLU(), nn.Conv2d(96, 64, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 1, 1),
            nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 1), nn.ReLU(), nn.Conv2d(32, 2, 1)).to(self.device)
        self.optimizers = [torch.optim.Adam(network.parameters(), lr=3e-4, betas=(0.5, 0.999))
                           for network in (self.refiner, self.discriminator)]
        self.history = to_float(eyes(sizes.buffer, seed=2).images).to(self.device)

    def draw(self, images):
        return images[torch.randint(len(images), (self.batch,), device=self.device)]

    def adversarial(self, images, label):
        logits = self.discriminator(images)
        labels = torch.full((len(images), *logits.shape[2:]), label, device=self.device)
        return F.cross_entropy(logits, labels, reduction="sum") / len(images)

    def step(self, which, loss):
        self.optimizers[which].zero_grad()
        loss.backward()
        self.optimizers[which].step()

    def refiner_step(self, margin=0):
        synthetic = self.draw(self.synthetic)
        self.discriminator.requires_grad_(False)
        padded = F.pad(synthetic, (margin,) * 4, mode="reflect") if margin else synthetic
        refined = self.refiner(padded)[..., margin:margin + SIZE[0], margin:margin + SIZE[1]]
        kept = (refined - synthetic).abs().sum() / self.batch
        self.step(0, self.adversarial(refined, 0) + 0.5 * kept)

    def refiner_step_with_margin(self):
        self.refiner_step(Refiner().margin)

    def discriminator_step(self):
        half = self.batch // 2
        with torch.no_grad():
            fresh = self.refiner(self.draw(self.synthetic))
        places = torch.randperm(len(self.history), device=self.device)
        refined = torch.cat([fresh[:self.batch - half], self.history[places[:half]]])
        self.history[places[-half:]] = fresh[:half]
        self.discriminator.requires_grad_(True)
        self.step(1, self.adversarial(refined, 1) + self.adversarial(self.draw(self.real), 0))

    def round(self):
        for _ in range(2):
            self.refiner_step()
        self.discriminator_step()


def step(name, sizes):
    """A step of Algorithm 1, or a round: once a batch.  What is counted has no margin, as the paper's."""
    reference = Reference(sizes)
    return Work(getattr(reference, name), sizes.batch, reference.refiner_step if name == "refiner_step_with_margin" else None)


def history(sizes):
    """A history that is a list of images."""
    fresh = to_float(eyes(sizes.batch).images).to(sizes.device)
    kept, half = list(to_float(eyes(sizes.buffer, seed=2).images).to(sizes.device)), sizes.batch // 2

    def turn():
        batch = torch.stack([*fresh[half:], *random.sample(kept, half)])
        for place, image in zip(random.sample(range(len(kept)), half), fresh):
            kept[place] = image.clone()           # a view would keep its whole batch
        return batch
    return Work(turn, sizes.batch)


# ---- what surrounds it ----
class OneByOne(Dataset):
    """A data set that makes each image float for itself."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return to_float(self.images[index])


def feeding(sizes):
    """torch's DataLoader, whose data set is memory-mapped, too."""
    eyes(sizes.stored).save(Path(sizes.folder, "eyes"))
    data = OneByOne(ImageSet.load(Path(sizes.folder, "eyes")).images)
    batches = iter(DataLoader(data, sizes.batch, sampler=RandomSampler(data, replacement=True, num_samples=ENDLESS)))
    return Work(lambda: next(batches).to(sizes.device), sizes.batch)


def singly(make, n):
    """What `make(n)` does, in a loop over single images."""
    for _ in range(n):
        make(1)


def pupils(sizes):
    """Ellipses fitted one by one."""
    images = simulate(sizes.pupils, 0).images
    return Work(lambda: [pupil_centres(image[None]) for image in images], sizes.pupils)


def state(sizes):
    """The state of a run in the middle of its training."""
    images = eyes(sizes.images)
    training = Training(TrainingConfig(1, batch=2, buffer=sizes.buffer), images, images, device=sizes.device)
    training.buffer.replace(to_float(eyes(sizes.buffer).images).to(sizes.device))
    training.update_refiner(), training.update_discriminator()         # optimizers have their moments
    return training.state()


def checkpoint(sizes, save=torch.save):
    """torch.save, in place of the file that stood there."""
    kept, path = state(sizes), Path(sizes.folder, "run.state")
    save(kept, path)
    return Work(lambda: save(kept, path), path.stat().st_size / 1e6)


# ---- networks that measure ----
def fit(network, optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return network


def moved(image, most):
    """The image (C, H, W), shifted by -most .. most whole pixels in x and y; the border is repeated."""
    down, right = random.randint(0, 2 * most), random.randint(0, 2 * most)
    padded = F.pad(image[None].float(), (most,) * 4, mode="replicate")[0]
    return padded[:, down:down + image.shape[1], right:right + image.shape[2]]


def gaze_training(sizes):
    """The small gaze estimator's training; images are augmented one by one, as a data loader does."""
    images = simulate(sizes.images, 0)
    target, network = gaze_vector(images.labels["gaze"]).to(sizes.device), GazeEstimator("small").to(sizes.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)

    def augmented(image):
        gain, offset = np.exp(random.gauss(0, 0.15)), random.gauss(0, 0.1)
        return (to_float(moved(image, 2)) * gain + offset).clamp(-1, 1)

    def turn():
        pick = torch.randint(len(images), (64,))
        batch = torch.stack([augmented(image) for image in images.images[pick]]).to(sizes.device)
        fit(network, optimizer, (network(batch) - target[pick.to(sizes.device)]).square().sum(1).mean())
    return Work(turn, 64)


def two_sample(sizes):
    """The two-sample classifier's training."""
    images, kinds = torch.cat([eyes(sizes.judged, seed).images for seed in (0, 1)]), torch.arange(2).repeat_interleave(sizes.judged)

    def turn():
        network = nn.Sequential(nn.Conv2d(1, 24, 3, 2, 1), nn.ReLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU(),
                                nn.Conv2d(48, 64, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(),
                                nn.Dropout(0.3), nn.Linear(64 * 6, 2)).to(sizes.device)
        optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
        for _ in range(sizes.steps):
            pick = torch.randint(len(images), (64,))
            batch = torch.stack([to_float(moved(image, 1)) for image in images[pick]]).to(sizes.device)
            fit(network, optimizer, F.cross_entropy(network(batch), kinds[pick].to(sizes.device)))
    return Work(turn, 64 * sizes.steps)


def kernel_distance(sizes):
    """The kernel distance of all images at once, without blocks."""
    network = FeatureNetwork(1, 7).to(sizes.device)
    a, b = (eyes(sizes.judged, seed).images for seed in (0, 1))

    @torch.no_grad()
    def turn():
        x, y = (network.trunk(to_float(images.to(sizes.device))) for images in (a, b))
        xx, yy, xy = ((u @ v.T / u.shape[1] + 1) ** 3 for u, v in ((x, x), (y, y), (x, y)))
        pairs = len(x) * (len(x) - 1)
        return ((xx.sum() - xx.trace() + yy.sum() - yy.trace()) / pairs - 2 * xy.mean()).item()
    return Work(turn, 2 * sizes.judged)


def beyond_tone(before, after):
    """Share of the variance of `after` that no tone curve explains: scikit-learn's isotonic regression of each image's pixels."""
    x, y = (images.flatten(1).double().numpy() for images in (before, after))
    residual = sum(((IsotonicRegression().fit(gray, row).predict(gray) - row) ** 2).sum() for gray, row in zip(x, y))
    return residual / ((y - y.mean(1, keepdims=True)) ** 2).sum()


def tone_curves(sizes, share=beyond_tone):
    """The share of the change that is more than a tone curve."""
    a, b = simulate(sizes.judged, 0).images, simulate(sizes.judged, 1).images
    return Work(partial(share, a, b), sizes.judged)
