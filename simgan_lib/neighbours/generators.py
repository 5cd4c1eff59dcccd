"""Style-based generators in files: weights and a card that says how they were made.  One of eyes comes with the kit.

`studies/eye_generator.py` made it; docs/refiners.md shows its card.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch

from ..pretrained import read_card
from ..system.checkpoints import load_module, save_module
from ..system.errors import UserError
from ..system.settings import Settings
from .style_gan import CHANNELS, HALVINGS, LATENT, SIDE, WIDTH, StyleGenerator

SHIPPED = Path(__file__).parents[1] / "generators"


@dataclass(frozen=True)
class Sizes(Settings):
    """What a card says of the network beside it."""

    channels: CHANNELS
    height: SIDE
    across: SIDE
    width: WIDTH
    widest: WIDTH
    latent: LATENT
    halvings: HALVINGS

    def network(self):
        """A StyleGenerator of these sizes, with fresh weights."""
        return StyleGenerator(self.channels, (self.height, self.across), self.width, self.widest, self.latent, self.halvings)

    @classmethod
    def of(cls, generator, config):
        """Those of a StyleGenerator that a training with `config`, a StyleConfig, made."""
        return cls(generator.channels, *generator.size, config.width, config.widest, config.latent, config.halvings)


def save_generator(path, generator, config, card):
    """Write a StyleGenerator, which a training with `config` made, and its card.  Raises UserError as `save_module` does."""
    save_module(path, generator, {**card, **asdict(Sizes.of(generator, config)), "config": asdict(config)})


def load_generator(path):
    """(StyleGenerator in evaluation mode, its card) of a file that `save_generator` wrote.

    Raises UserError if the file is missing, damaged, or holds another network, or one with weights that are not finite.
    """
    card = read_card(path, "generator")
    try:
        sizes = Sizes(**{field.name: card[field.name] for field in fields(Sizes) if field.name in card})
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: not a generator's file: its card has no sizes that fit ({error})") from error
    with torch.device("meta"):           # takes no memory: whether the file's weights are of these sizes, is asked first
        generator = sizes.network()
    load_module(path, generator)
    return generator.to(memory_format=torch.channels_last).eval(), card


def shipped_generators():
    """Names of the generators that come with the kit."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def load_shipped_generator(name="eyes"):
    """(StyleGenerator, its card) that comes with the kit: gray eyes, 35 x 55.  Raises UserError if there is none of that name."""
    if name not in shipped_generators():
        raise UserError(f"no generator {name!r} comes with the kit; there are {', '.join(shipped_generators()) or 'none'}")
    return load_generator(SHIPPED / f"{name}.safetensors")
