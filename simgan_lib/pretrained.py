"""Refiners in files: weights and a card that says how they were made."""

import torch

from .checkpoints import load_checkpoint, load_module
from .errors import UserError
from .networks import Refiner


def load_refiner(path):
    """The Refiner in a file that the command `train` wrote, its sizes taken from the file's card.

    Raises UserError if the file is missing, damaged, or holds another network.
    """
    card = load_checkpoint(path)[1].get("card", {})
    sizes = [card.get(name) for name in ("channels", "width", "blocks")]
    if not all(isinstance(value, int) for value in sizes):
        raise UserError(f"{path}: not a refiner's file: its card has no channels, width and blocks")
    refiner = Refiner(*sizes, noise=card.get("noise", 0), residual=card.get("residual", False))
    refiner = refiner.to(memory_format=torch.channels_last)
    load_module(path, refiner)
    return refiner.eval()
