"""Parts named from a few labelled images: small heads on hypercolumns, and the nearest labelled pixel.

Both take features of any origin, and are used alike: fit(columns, masks), then predict(columns).
Paper: Tritrong et al., CVPR 2021 (RepurposeGAN).  Taught in: notebook 13.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..networks import from_seed
from ..system.errors import UserError
from ..system.settings import Number, OneOf, Settings, Whole

# Few-shot CNNs of bryandlee's port: feature maps and dilations of their 3x3 convolutions; the last gives the classes.  The
# authors' own code has another one, dilated_CNN_61: 1x1, then 3x3 with dilations 2, 4, 8, 1, 2, 4, 8, and a last 3x3.
CNN = {"cnn-s": ((128, 64, 64, 32), (1, 2, 1, 2, 1)),
       "cnn-m": ((128, 64, 64, 64, 64, 32), (1, 2, 4, 1, 2, 4, 1)),
       "cnn-l": ((128, 64, 64, 64, 64, 64, 64, 32), (1, 2, 4, 8, 1, 2, 4, 8, 1))}
HEADS = ("linear", "mlp", *CNN)
CONSTANT = 1e-4                   # of the median deviation: a channel that varies less is rounding
PARTS = Whole(1, 256)             # an answer is a uint8
AT_ONCE = 1 << 24                 # similarities of the nearest segmenter that stand in memory together: 64 MB


@dataclass(frozen=True)
class HeadConfig(Settings):
    """A head and how it is fitted.  Rates and decay as published; the published run takes 1000 steps."""

    head: OneOf(HEADS) = "cnn-s"
    steps: Whole(1, 100_000) = 100
    batch: Whole(1, 1024) = 1              # labelled images a step
    lr: Number(0, 10, above=True) = 1e-3   # times 0.9 each 50 steps
    weight_decay: Number(0, 1) = 1e-3
    ensemble: Whole(1, 100) = 1            # heads from different initial weights, whose probabilities are averaged
    balance: Number(0, 1) = 0.0            # a class of share p weighs p ** -balance: 1 makes a pupil count as much as all skin


def build_head(name, channels, classes):
    """A head by its name in HEADS: (N, channels, H, W) -> logits (N, classes, H, W).

    linear, mlp: each pixel for itself (the mlp's 128 and 32 as in DatasetGAN); cnn-s, -m, -l: dilated, which see 15, 31 and
    63 pixels.  Raises UserError for another name.
    """
    OneOf(HEADS).check("head", name)
    if name == "linear":
        return nn.Conv2d(channels, classes, 1)
    if name == "mlp":
        return nn.Sequential(nn.Conv2d(channels, 128, 1), nn.ReLU(), nn.Conv2d(128, 32, 1), nn.ReLU(), nn.Conv2d(32, classes, 1))
    maps, dilations = CNN[name]
    sizes = [channels, *maps, classes]
    layers = [layer for inputs, outputs, d in zip(sizes, sizes[1:], dilations)
              for layer in (nn.Conv2d(inputs, outputs, 3, padding=d, dilation=d), nn.LeakyReLU(0.2))]
    return nn.Sequential(*layers[:-1])


class FewShotSegmenter:
    """Names the part at each pixel from its hypercolumn, after a few labelled images.

    channels, classes: of the hypercolumns, and how many parts.  seed: of initial weights and the order of images.
    Deviation: channels are brought to mean 0 and deviation 1 over the labelled images, so that one learning rate
    suits features of every origin.  A channel that is constant on these is left out, set to 0: what it does elsewhere nobody
    has labelled, and no deviation says how much it may count.
    Raises UserError for more than 256 classes.
    """

    def __init__(self, channels, classes, config=None, seed=0, device="cpu"):
        PARTS.check("classes", classes)
        self.channels, self.classes, self.config = channels, classes, config or HeadConfig()
        self.seed, self.device, self.heads = seed, torch.device(device), []

    def fit(self, columns, masks):
        """columns: float (N, C, H, W); masks: whole numbers (N, H, W) from 0 to classes - 1.  Returns itself.

        Raises UserError for other shapes or numbers, and for what is no number.
        """
        check_labelled(columns, masks, self.channels, self.classes)
        columns, masks = columns.to(self.device), masks.to(self.device).long()
        self.sd, self.mean = torch.std_mean(columns, (0, 2, 3), keepdim=True, correction=0)
        self.varies = self.sd > CONSTANT * self.sd[self.sd > 0].median()          # with none above 0: NaN, and False throughout
        self.heads = [self._fitted(self._even(columns), masks, 1000 * self.seed + at) for at in range(self.config.ensemble)]
        return self

    @torch.no_grad()
    def predict(self, columns):
        """columns: float (N, C, H, W)  ->  (parts, uint8 (N, H, W); their probabilities, float (N, classes, H, W)).

        Raises UserError before `fit`, for other channels, and for what is no number.
        """
        check_asked(columns, self.channels, self.heads)
        columns = self._even(columns.to(self.device))
        probabilities = sum(head(columns).softmax(1) for head in self.heads) / len(self.heads)
        return probabilities.argmax(1).to(torch.uint8), probabilities

    def _even(self, columns):
        return torch.where(self.varies, (columns - self.mean) / (self.sd + 1e-6), 0.0)

    def _fitted(self, columns, masks, seed):
        c, generator = self.config, torch.Generator().manual_seed(seed)
        head = from_seed(seed, build_head, c.head, self.channels, self.classes).to(self.device)
        optimizer = torch.optim.Adam(head.parameters(), c.lr, weight_decay=c.weight_decay)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 50, 0.9)
        weight = class_weights(torch.bincount(masks.flatten(), minlength=self.classes) / masks.numel(), c.balance)
        for _ in range(c.steps):
            picked = torch.randperm(len(columns), generator=generator)[:c.batch].to(self.device)
            loss = F.cross_entropy(head(columns[picked]), masks[picked], weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        return head.eval().requires_grad_(False)


class NearestSegmenter:
    """Gives each pixel the part of the labelled pixel whose hypercolumn points most nearly its way (cosine).  Learns nothing.

    Channels lose their mean over the labelled images first: features behind a ReLU all point one way otherwise.
    Raises UserError for more than 256 classes.
    """

    def __init__(self, channels, classes, device="cpu"):
        PARTS.check("classes", classes)
        self.channels, self.classes, self.device, self.known = channels, classes, torch.device(device), None

    def fit(self, columns, masks):
        """As FewShotSegmenter's."""
        check_labelled(columns, masks, self.channels, self.classes)
        self.mean = columns.to(self.device).mean((0, 2, 3), keepdim=True)
        self.known, self.parts = self._directions(columns), masks.to(self.device).flatten().long()
        return self

    @torch.no_grad()
    def predict(self, columns):
        """As FewShotSegmenter's; probabilities are 0 or 1."""
        check_asked(columns, self.channels, self.known is not None)
        masks = torch.stack([self._nearest(self._directions(each[None])).reshape(each.shape[1:]) for each in columns])
        return masks.to(torch.uint8), F.one_hot(masks, self.classes).movedim(-1, 1).float()

    def _nearest(self, directions):
        """The part of the nearest labelled pixel of each of (n, C), some at a time.  (n,)"""
        some = directions.split(max(1, AT_ONCE // len(self.known)))
        return torch.cat([self.parts[(each @ self.known.T).argmax(1)] for each in some])

    def _directions(self, columns):
        """(N, C, H, W)  ->  (N * H * W, C), each of length 1."""
        return F.normalize((columns.to(self.device) - self.mean).permute(0, 2, 3, 1).flatten(0, 2))


def class_weights(share, balance):
    """share ** -balance of each class, scaled to a mean over pixels of 1; 0 for a class without any.

    share: of the labelled pixels that are of each class (classes,).

    >>> class_weights(torch.tensor([0.75, 0.25, 0.0]), 1.0).tolist()
    [0.666..., 2.0, 0.0]
    """
    weight = torch.where(share > 0, share.clamp_min(1e-9) ** -balance, 0.0)
    return weight / (weight * share).sum()


def check_labelled(columns, masks, channels, classes):
    """UserError unless finite float columns (N, channels, H, W) have masks (N, H, W) of whole numbers below `classes`."""
    check_columns(columns, channels)
    if masks.shape != (len(columns), *columns.shape[2:]):
        raise UserError(f"masks: expected {(len(columns), *columns.shape[2:])}, found {tuple(masks.shape)}")
    if masks.is_floating_point() or not 0 <= int(masks.min()) <= int(masks.max()) < classes:
        found = masks.dtype if masks.is_floating_point() else f"{int(masks.min())} to {int(masks.max())}"
        raise UserError(f"masks: expected whole numbers from 0 to {classes - 1}, found {found}")


def check_asked(columns, channels, fitted):
    """UserError unless a segmenter was fitted, and the columns it is asked about are as `check_columns` wants them."""
    if not fitted:
        raise UserError("this segmenter has seen no labels yet: call fit first")
    check_columns(columns, channels)


def check_columns(columns, channels):
    """UserError unless columns are float (N, channels, H, W), at least one, and finite throughout."""
    if columns.ndim != 4 or columns.shape[1] != channels or not len(columns):
        raise UserError(f"hypercolumns: expected (N, {channels}, H, W), found {tuple(columns.shape)}")
    if not columns.is_floating_point() or not columns.isfinite().all():
        found = "NaN or infinity" if columns.is_floating_point() else columns.dtype
        raise UserError(f"hypercolumns: expected finite floats, found {found}")
