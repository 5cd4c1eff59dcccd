"""A small UNet, image in, maps of the image's size out: for the student, for the denoiser, and for full supervision."""

import torch
import torch.nn.functional as F
from torch import nn

from ..system.settings import Whole


class UNet(nn.Module):
    """(N, inputs, H, W)  ->  (N, outputs, H, W), of any height and width.

    width: feature maps at full size, doubled at each of `depth` halvings.  The image is first continued at its bottom and
    right to a multiple of 2 ** depth, so that each coarse pixel covers whole fine ones and stays in its place; what was added
    is cut off at the end.  `canvas(size)` is that larger size: what the inner maps cover.
    Group normalisation: a batch may hold a single image.
    """

    WIDTH, DEPTH = Whole(4, 1024), Whole(1, 8)

    def __init__(self, inputs, outputs, width=12, depth=2):
        super().__init__()
        widths = [width * 2**at for at in range(depth + 1)]
        self.depth = depth
        self.down = nn.ModuleList(_block(*pair) for pair in zip([inputs, *widths], widths))
        self.up = nn.ModuleList(_block(3 * each, each) for each in reversed(widths[:-1]))
        self.leave = nn.Conv2d(width, outputs, 1)

    def canvas(self, size):
        """Height and width that the inner maps cover, of images of this size."""
        return tuple(-(-side // 2**self.depth) * 2**self.depth for side in size)

    def forward(self, x):
        height, width = x.shape[2:]
        bottom, right = (whole - side for whole, side in zip(self.canvas((height, width)), (height, width)))
        x, skips = F.pad(x, (0, right, 0, bottom), mode="replicate"), []
        for block in self.down[:-1]:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.down[-1](x)
        for block, skip in zip(self.up, reversed(skips)):
            x = block(torch.cat([F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), skip], 1))
        return self.leave(x)[..., :height, :width]


def _block(inputs, outputs):
    layers = []
    for each in (inputs, outputs):
        layers += [nn.Conv2d(each, outputs, 3, padding=1), nn.GroupNorm(4 if outputs % 4 == 0 else 1, outputs), nn.SiLU()]
    return nn.Sequential(*layers)
