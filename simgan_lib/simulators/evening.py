"""Eyes in the evening sun: a second unlabelled domain, in colour, made for one question: what must a refiner keep?

The light is warm and dim, which a label survives; and people squint into it, which an eye with another label does not.
A refiner that imitates all that it sees closes the eyes.  Since the light is all that should change, the simulator can
tell what a synthetic eye *ought* to look like there: `in_evening_light`.  No method may train on that, or on labels.
Taught in: notebook 06.
"""

from dataclasses import replace

import torch

from .camera import CameraSettings, defocus
from .eyes import render
from .parameters import Range, draw_parameters

SUN = (0.70, 0.45, 0.26)       # what is left of red, green and blue
LIDS = {"upper_lid": Range(0.6, 0.9, 1.2, "mm", "upper lid above the corner line, squinting"),
        "lower_lid": Range(0.6, 0.8, 1.0, "mm", "lower lid below the corner line, squinting")}


def squinting(n, seed, share=1.0, size=(35, 55), device="cpu"):
    """n eyes of people in the evening sun, of whom a share squints  ->  ImageSet in colour, uint8 (N, 3, H, W).

    With labels, for measuring only.  Same seed and device, same images.
    """
    generator = torch.Generator(device).manual_seed(seed)
    eyes = draw_parameters(n, generator)
    lids, chosen = draw_parameters(n, generator, LIDS), torch.rand(n, generator=generator, device=device) < share
    eyes = eyes.with_values(**{name: torch.where(chosen, lids[name], eyes[name]) for name in LIDS})
    seen = render(eyes, size, colour=True)
    return replace(seen, images=in_evening_light(seen.images, generator),
                   source="simulated eyes in the evening sun (simgan_lib.simulators.evening)")


def in_evening_light(images, generator):
    """The same eyes in warm, dim light, a little out of focus and noisy.  uint8 (N, 3, H, W)  ->  the same.

    Raises ValueError for images without colour.
    """
    if images.shape[1] != 3:
        raise ValueError(f"expected colour images (N, 3, H, W), found {tuple(images.shape)}")
    settings = CameraSettings(len(images), generator)
    x = images / 255 * torch.tensor(SUN, device=images.device)[:, None, None]
    x = defocus(x, settings.between(0.4, 1.0)) + 0.01 * settings.normal(*x.shape[1:])
    return (x.clamp(0, 1) * 255).round_().to(torch.uint8)
