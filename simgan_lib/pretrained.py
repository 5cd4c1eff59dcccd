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


def load_refiner(path):
    """The Refiner in a file that the command `train` or `ship` wrote, its sizes taken from the file's card.

    Raises UserError if the file is missing, damaged, or holds another network, or one with weights that are not finite.
    """
    card = read_card(path)
    try:
        sizes = Sizes(**{field.name: card[field.name] for field in fields(Sizes) if field.name in card})
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: not a refiner's file: its card has no channels, width and blocks that fit ({error})") from error
    with torch.device("meta"):           # takes no memory: whether the file's weights are of these sizes, is asked first
        refiner = Refiner(sizes.channels, sizes.width, sizes.blocks, noise=sizes.noise, residual=sizes.residual)
    load_module(path, refiner)
    return refiner.to(memory_format=torch.channels_last).eval()


def read_card(path, kind="refiner"):
    """The card in the file of a refiner, or of another `kind`: a dict.  Raises UserError as `load_refiner` does."""
    about = load_checkpoint(path)[1]
    card = about.get("card") if isinstance(about, dict) else None
    if not isinstance(card, dict):
        raise UserError(f"{path}: not a {kind}'s file: it has no card")
    return card


def shipped_names():
    """Names of the refiners that come with the kit."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def load_shipped(name):
    """(Refiner, its card) of those that come with the kit.  Raises UserError for a name that is not among them."""
    if name not in shipped_names():
        raise UserError(f"no refiner {name!r} comes with the kit; there are {', '.join(shipped_names()) or 'none'}")
    path = SHIPPED / f"{name}.safetensors"
    return load_refiner(path), read_card(path)
