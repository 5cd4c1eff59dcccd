"""Refiners in files: weights and a card that says how they were made.  Some come with the kit.

docs/refiners.md shows the cards of those; `python -m simgan_lib results` makes it.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import torch

from .networks import Refiner
from .system.checkpoints import load_checkpoint, load_module
from .system.errors import UserError
from .system.settings import Flag, Settings

SHIPPED = Path(__file__).parent / "refiners"


@dataclass(frozen=True)
class Sizes(Settings):
    """What a card says of the network beside it."""

    channels: Refiner.CHANNELS
    width: Refiner.WIDTH
    blocks: Refiner.BLOCKS
    noise: Refiner.NOISE = 0
    residual: Flag() = False
    first_kernel: Refiner.FIRST_KERNEL = 3
    edges: Refiner.EDGES = "margin"

    def network(self):
        """A Refiner of these sizes, with fresh weights."""
        return Refiner(self.channels, self.width, self.blocks, self.first_kernel, noise=self.noise, residual=self.residual,
                       edges=self.edges)

    @classmethod
    def of(cls, refiner):
        """Those of a Refiner."""
        return cls(refiner.channels, refiner.enter.out_channels, len(refiner.blocks), refiner.noise, refiner.residual,
                   refiner.enter.kernel_size[0], refiner.edges)


def load_refiner(path):
    """The Refiner in a file that the command `train` or `ship` wrote, its sizes taken from the file's card.

    Raises UserError as `load_network` does.
    """
    return load_network(path, "refiner", Sizes)[0]


def load_network(path, kind, sizes):
    """(network in evaluation mode, its card) of a file.  kind: what the network is, for messages.

    sizes: a Settings whose fields the card holds and whose `network()` makes one with fresh weights.
    Raises UserError if the file is missing, damaged, or holds another network, or one with weights that are not finite.
    """
    card = read_card(path, kind)
    try:
        found = sizes(**{field.name: card[field.name] for field in fields(sizes) if field.name in card})
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: not a {kind}'s file: its card has no sizes that fit ({error})") from error
    with torch.device("meta"):           # takes no memory: whether the file's weights are of these sizes, is asked first
        network = found.network()
    load_module(path, network)
    return network.to(memory_format=torch.channels_last).eval(), card


def read_card(path, kind="refiner"):
    """The card in the file of a refiner, or of another `kind`: a dict.  Raises UserError as `load_network` does."""
    about = load_checkpoint(path)[1]
    card = about.get("card") if isinstance(about, dict) else None
    if not isinstance(card, dict):
        raise UserError(f"{path}: not a {kind}'s file: it has no card")
    return card


def names_in(folder):
    """Names of the networks in a folder of the kit's."""
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def shipped_path(folder, name, kind):
    """The file of the network of that name.  Raises UserError for a name that is not in the folder."""
    if name not in names_in(folder):
        raise UserError(f"no {kind} {name!r} comes with the kit; there are {', '.join(names_in(folder)) or 'none'}")
    return folder / f"{name}.safetensors"


def shipped_names():
    """Names of the refiners that come with the kit."""
    return names_in(SHIPPED)


def load_shipped(name):
    """(Refiner, its card) of those that come with the kit.  Raises UserError for a name that is not among them."""
    return load_network(shipped_path(SHIPPED, name, "refiner"), "refiner", Sizes)
