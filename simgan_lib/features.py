"""Learned psi: what a trained network sees at one of its layers, for the self-regularization.

Of any network; here of VGG-16, trained on photographs, through torchvision (an optional extra).  `evaluation.parts` trains
one on synthetic eyes, in seconds and without a download.  Hand-made psi are in `losses`.
Paper: section 2.1 ("learned features such as an intermediate layer of VGG").
Taught in: notebook 06.
"""

import math
from collections import OrderedDict

import torch
from torch import nn

from .images import to_float
from .system.errors import UserError

IMAGENET_MEAN, IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)      # of RGB in [0, 1]: what VGG expects


class LearnedFeatures(nn.Module):
    """psi = the maps of one layer of a trained network.  Float (N, C, H, W) in [-1, 1]  ->  (N, F, h, w).

    network: an nn.Sequential whose layers have names; what follows `layer` is left out.  Its weights are frozen: psi is
    a ruler, and a ruler that learned would shrink the distance that it is to measure.
    reference: uint8 (M, C, H, W).  Each map is divided by its mean deviation on these, and all by their number, so that
    a change of one deviation at every place costs H * W, whatever the layer's width and stride: lambda keeps its scale.
    mean, spread: what is subtracted from the channels of images in [0, 1], and what they are divided by; three numbers
    repeat the one channel of gray images.
    Images are not resized: the layers before the last are convolutions, which take any size.  At the edge the network
    sees the zeros that it was trained with, in both of the images that are compared.
    Raises UserError if there is no such layer, or `reference` has other channels or is too small for it.
    """

    def __init__(self, network, layer, reference, mean=(0.5,), spread=(0.5,)):
        super().__init__()
        names = [name for name, _ in network.named_children()]
        if layer not in names:
            raise UserError(f"layer: expected one of {', '.join(names)}, found {layer!r}")
        kept = list(network.named_children())[:names.index(layer) + 1]
        self.layer, self.layers = layer, nn.Sequential(OrderedDict(kept))
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("spread", torch.tensor(spread)[:, None, None])
        self.register_buffer("unit", torch.ones(1))
        self.eval().requires_grad_(False)
        self._calibrate(reference)

    def forward(self, images):
        x = ((images + 1) / 2 - self.mean) / self.spread                        # (N, 1, H, W) - (3, 1, 1): gray, repeated
        return self.layers(x) / self.unit

    @torch.no_grad()
    def _calibrate(self, reference):
        try:
            maps = self(to_float(reference))                                    # (M, F, h, w)
        except RuntimeError as error:
            raise UserError(f"layer {self.layer} cannot take images of {tuple(reference.shape[1:])}: {error}") from error
        deviation = (maps - maps.mean((0, 2, 3), keepdim=True)).abs().mean((0, 2, 3), keepdim=True)
        silent = deviation < 1e-6                                               # a dead map says nothing: it costs nothing
        places = maps.shape[2] * maps.shape[3] / (reference.shape[2] * reference.shape[3])
        self.unit = torch.where(silent, math.inf, deviation) * (~silent).sum() * places

    def extra_repr(self):
        return f"layer={self.layer}"


# ---- VGG-16 ----
def vgg_features(reference, layer="relu2_2", device="cpu"):
    """psi from VGG-16, trained on ImageNet's photographs  ->  LearnedFeatures.  Needs torchvision, and once a download.

    reference: uint8 (M, 1 or 3, H, W), images of the kind that will be refined.  layer: "conv1_1" to "pool5"; the
    usual choices are relu1_2, relu2_2 and relu3_3 (Johnson et al. 2016).  Gray is repeated; images are normalised as
    VGG was trained.  Images are not enlarged to 224 x 224: that would cost twenty times as much, and a pupil of five
    pixels would look like none of the things that VGG knows in either size.
    Raises UserError if torchvision is missing, the weights cannot be had, there is no such layer, or the images are too
    small for it.  Simonyan and Zisserman 2015.
    """
    network = named_layers(_vgg16().features)
    return LearnedFeatures(network, layer, reference.cpu(), IMAGENET_MEAN, IMAGENET_SPREAD).to(device)


def _vgg16():
    try:
        from torchvision import models
    except ImportError as error:
        raise UserError(f"VGG features need torchvision ({error}): pip install 'simgan-kit[vgg]', with the build that fits "
                        "your torch; `evaluation.parts` needs no download") from error
    network = models.vgg16(weights=None, init_weights=False)
    try:     # weights_only: nothing is ever unpickled
        state = models.VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:      # no network (URLError is an OSError); a file with another checksum
        raise UserError(f"VGG-16's weights (528 MB) could not be had from {models.VGG16_Weights.IMAGENET1K_V1.url} ({error}): "
                        f"put that file into {torch.hub.get_dir()}/checkpoints") from error
    network.load_state_dict(state)
    return network


def named_layers(layers):
    """The layers of a VGG under their usual names: conv1_1, relu1_1, conv1_2, ..., pool1, conv2_1, ...

    layers: an nn.Sequential of convolutions, batch normalisations, ReLUs and poolings.  Returns the same, named.
    """
    kinds = {nn.Conv2d: "conv", nn.BatchNorm2d: "norm", nn.ReLU: "relu"}
    named, block, place = OrderedDict(), 1, 0
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d):
            named[f"pool{block}"] = layer
            block, place = block + 1, 0
            continue
        place += isinstance(layer, nn.Conv2d)
        # Not in place: psi of a convolution's map must not change it afterwards.
        named[f"{kinds[type(layer)]}{block}_{place}"] = nn.ReLU() if isinstance(layer, nn.ReLU) else layer
    return nn.Sequential(named)
