"""Style-based generators in files: weights and a card that says how they were made.  One of eyes comes with the kit.

`studies/eye_generator.py` made it; docs/refiners.md shows its card.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..pretrained import load_network, names_in, shipped_path
from ..system.checkpoints import save_module
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

    Raises UserError as `pretrained.load_network` does.
    """
    return load_network(path, "generator", Sizes)


def shipped_generators():
    """Names of the generators that come with the kit."""
    return names_in(SHIPPED)


def load_shipped_generator(name="eyes"):
    """(StyleGenerator, its card) that comes with the kit: gray eyes, 35 x 55.  Raises UserError if there is none of that name."""
    return load_generator(shipped_path(SHIPPED, name, "generator"))
