"""What a network knows of every pixel: its inner maps, tapped while it runs, laid over one another at the image's size.

Works on any torch module, a StyleGAN2 of one's own among them (docs/library.md shows how).  It runs in evaluation mode, and
is afterwards as it was.  Its maps are copied as they come, for a layer behind may write into them.
Paper: Tritrong et al., CVPR 2021 (RepurposeGAN); the word is Hariharan's.
Taught in: notebook 13.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..networks import evaluated
from ..system.errors import UserError, printable

# How a small map gets the image's size.  Only "bilinear" keeps things in place at every scale: there a coarse pixel's middle
# is the middle of the pixels that it covers.  The other two are here to be looked at.
MODES = {"bilinear": {"mode": "bilinear", "align_corners": False},
         "corners": {"mode": "bilinear", "align_corners": True},       # pulls things towards the edges of the image
         "nearest": {"mode": "nearest"}}                               # steps, and up to half a coarse pixel beside their place


class FeatureTap:
    """What some inner modules give, while the network runs inside the `with` block.

        with FeatureTap(generator, ["blocks.0", "blocks.1"]) as tap:
            images = generator(z)
        tap.maps          # a tensor (N, C, h, w) for each name; for each call, where a module runs more than once

    names: dotted, as `named_modules()` has them.  Of a tuple, as StyleGAN2's blocks give, the first entry is kept.
    The hooks are gone behind the block, also after an error.  Raises UserError for a name that there is none of.
    """

    def __init__(self, module, names):
        self.inner = {name: each for name, each in module.named_modules() if name}
        self.names, self.kept, self.hooks = tuple(names), {}, []
        unknown = [name for name in ([names] if isinstance(names, str) else names) if name not in self.inner]
        if unknown or not self.names or isinstance(names, str):
            asked = ", ".join(map(repr, unknown or [names])) if self.names else "none"
            known = printable(", ".join(self.inner))
            raise UserError(f"modules to tap: expected a list of some of {known}; found {printable(asked)}")

    def __enter__(self):
        self.kept = {name: [] for name in self.names}
        self.hooks = [self.inner[name].register_forward_hook(self._keep(self.kept[name])) for name in self.names]
        return self

    def __exit__(self, *error):
        for hook in self.hooks:
            hook.remove()

    @staticmethod
    def _keep(kept):
        def hook(module, inputs, output):
            kept.append((output[0] if isinstance(output, (tuple, list)) else output).detach().clone())
        return hook

    @property
    def maps(self):
        """The maps in the order of the names.  Raises UserError for a module that did not run, or gives no maps."""
        for name, maps in self.kept.items():
            if not maps or any(each.ndim != 4 for each in maps):
                found = f"{tuple(maps[0].shape)}" if maps else "that it did not run"
                raise UserError(f"module {name}: expected to give (N, C, H, W), found {found}")
        return [each for maps in self.kept.values() for each in maps]


def hypercolumn(maps, size, mode="bilinear", canvas=None):
    """Maps (N, C_i, h_i, w_i) of any number format, each stretched to the image  ->  float32 (N, sum of C_i, *size).

    size: height, width of the image.  canvas: what the maps cover, if the image was cut from it at its top left: maps of
    5 x 7 that grow to 36 x 56 do not cover 35 x 55, and stretched to that would lie beside their place.
    mode: one of MODES.  Raises UserError for another mode, and for a canvas that is smaller than the image.
    """
    canvas = tuple(canvas or size)
    if mode not in MODES:
        raise UserError(f"mode: expected one of {', '.join(MODES)}, found {printable(mode)}")
    if canvas[0] < size[0] or canvas[1] < size[1]:
        raise UserError(f"canvas: expected at least the image's size {tuple(size)}, found {canvas}")
    columns = maps[0].new_empty(len(maps[0]), sum(each.shape[1] for each in maps), *size, dtype=torch.float32)
    for part, each in zip(columns.split([each.shape[1] for each in maps], 1), maps):
        part.copy_(F.interpolate(each.float(), canvas, **MODES[mode])[..., :size[0], :size[1]])
    return columns


@dataclass(frozen=True)
class FeatureSource:
    """Where hypercolumns come from: a network, the modules to tap in it, and how it is run.

    run       called in place of the network, if that takes more than its input, or gives more than images (N, C, H, W):
              `lambda z: generator([z], truncation=0.7)[0]`.
              Label images and the auto-shot set come from the same source, so a truncation holds for both.
    size      height, width of the images; canvas, mode: as in `hypercolumn`.
    megabytes the hypercolumns of one `part` take at most so many.  Beside them stand the network's own maps.
    """

    module: nn.Module
    taps: tuple
    size: tuple
    run: Callable | None = None
    canvas: tuple | None = None
    mode: str = "bilinear"
    megabytes: float = 64.0

    def parts(self, inputs):
        """Yield (what the network gives, its hypercolumns) for inputs (N, ...), some at a time, in order.

        A chunk of inputs gives what they give in one go, but for the rounding of sums.  Raises UserError as FeatureTap
        does, for no inputs, for a network that gives no tensor, and if a single hypercolumn is larger than `megabytes`.
        """
        at_once = self._at_once(inputs[:1])
        for chunk in inputs.split(at_once):
            yield self._run(chunk)

    def whole(self, inputs):
        """The same for a few inputs, joined: (what the network gives, hypercolumns (N, C, H, W))."""
        given, columns = zip(*self.parts(inputs))
        return torch.cat(given), torch.cat(columns)

    @torch.no_grad()
    def _run(self, inputs):
        with evaluated(self.module), FeatureTap(self.module, self.taps) as tap:
            given = (self.run or self.module)(inputs)
        if not torch.is_tensor(given):
            raise UserError(f"the network: expected to give images (N, C, H, W), found a {type(given).__name__}; say how to run "
                            "it, such as run=lambda z: g([z])[0]")
        return given, hypercolumn(tap.maps, self.size, self.mode, self.canvas)

    def _at_once(self, one):
        """How many inputs make hypercolumns of at most `megabytes`: one is tried."""
        if not len(one):
            raise UserError("inputs: expected at least one, found none")
        each = self._run(one)[1].nbytes
        if each > self.megabytes * 1e6:
            raise UserError(f"megabytes: expected at least {each / 1e6:.3g} for a single hypercolumn, found {self.megabytes:g}")
        return int(self.megabytes * 1e6 // each)
