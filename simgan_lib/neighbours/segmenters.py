"""Part segmenters in files: a UNet's weights and a card that says how it was made.  One of eyes comes with the kit.

`studies/part_segmenter.py` made it; docs/refiners.md shows its card.  It looks at an image alone.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..pretrained import load_network, names_in, shipped_path
from ..system.checkpoints import save_module
from ..system.settings import Settings, Whole
from .unet import UNet

SHIPPED = Path(__file__).parents[1] / "segmenters"


@dataclass(frozen=True)
class Sizes(Settings):
    """What a card says of the network beside it."""

    inputs: Whole(1, 1024)
    outputs: Whole(1, 1024)
    width: UNet.WIDTH
    depth: UNet.DEPTH

    def network(self):
        """A UNet of these sizes, with fresh weights."""
        return UNet(self.inputs, self.outputs, self.width, self.depth)

    @classmethod
    def of(cls, network):
        """Those of a UNet."""
        return cls(network.down[0][0].in_channels, network.leave.out_channels, network.leave.in_channels, network.depth)


def save_segmenter(path, network, card):
    """Write a UNet that names parts, and its card.  Raises UserError as `save_module` does."""
    save_module(path, network, {**card, **asdict(Sizes.of(network))})


def load_segmenter(path):
    """(UNet in evaluation mode, its card) of a file that `save_segmenter` wrote.  Raises UserError as `load_network` does."""
    network, card = load_network(path, "segmenter", Sizes)
    return network.requires_grad_(False), card


def shipped_segmenters():
    """Names of the segmenters that come with the kit."""
    return names_in(SHIPPED)


def load_shipped_segmenter(name="parts"):
    """(UNet, its card) that comes with the kit: gray eyes of 35 x 55 -> logits of `evaluation.masks.SEEN` at each pixel.

    Raises UserError if there is none of that name.  Taught in: notebook 08.
    """
    return load_segmenter(shipped_path(SHIPPED, name, "segmenter"))
