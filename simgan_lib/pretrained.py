"""Refiners in files: weights and a card that says how they were made.  Some come with the kit.

docs/refiners.md shows the cards of those; `python -m simgan_lib results` makes it.
"""

from pathlib import Path

import torch

from .networks import Refiner
from .system.checkpoints import load_checkpoint, load_module
from .system.errors import UserError

SHIPPED = Path(__file__).parent / "refiners"


def load_refiner(path):
    """The Refiner in a file that the command `train` or `ship` wrote, its sizes taken from the file's card.

    Raises UserError if the file is missing, damaged, or holds another network.
    """
    card = read_card(path)
    sizes = [card.get(name) for name in ("channels", "width", "blocks")]
    if not all(isinstance(value, int) for value in sizes):
        raise UserError(f"{path}: not a refiner's file: its card has no channels, width and blocks")
    refiner = Refiner(*sizes, noise=card.get("noise", 0), residual=card.get("residual", False))
    refiner = refiner.to(memory_format=torch.channels_last)
    load_module(path, refiner)
    return refiner.eval()


def read_card(path):
    """The card in a refiner's file: a dict.  Raises UserError as `load_refiner` does."""
    return load_checkpoint(path)[1].get("card", {})


def shipped_names():
    """Names of the refiners that come with the kit."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def load_shipped(name):
    """(Refiner, its card) of those that come with the kit.  Raises UserError for a name that is not among them."""
    if name not in shipped_names():
        raise UserError(f"no refiner {name!r} comes with the kit; there are {', '.join(shipped_names()) or 'none'}")
    path = SHIPPED / f"{name}.safetensors"
    return load_refiner(path), read_card(path)
