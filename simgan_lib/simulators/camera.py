"""The stand-in real domain: other eyes, seen by a bad camera in the wild, then histogram-equalised.

It takes the place of MPIIGaze's crops where there are no real data.  Its images have labels, so the kit can measure with
them; no method may train on those.  It differs from the simulator in looks and in how well crops are centred: dark irises
whose pupil cannot be told apart, deeper sockets, harsher light.  Shapes of lids and corners, the eyeball, head, gaze and
kappa have the simulator's own priors.  Real eyes differ in those, too, so what is gained here is a best case.  `PEOPLE_WILD`
is the harder one: its people differ from each other, and from the simulator's, in those as well.
Taught in: notebook 01.
"""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F

from ..images import group_names, resized
from ..matching import histograms
from ..system.settings import Whole
from .eyes import labels_of, render
from .parameters import ANATOMY, EYE, PEOPLE, changed, draw_parameters

CROP = (36, 60)           # MPIIGaze's own
EXPOSED = 4096            # images that go through the camera at a time


# What differs between the simulator's eyes and those before a laptop camera (looked at on unlabelled crops).
WILD = changed(
    EYE, iris_tone=(0.0, 0.22), pupil_radius=(1.4, 3.2), limbus=(0.5, 1.5), sclera=(0.35, 0.7), lashes=(0.3, 1.0),
    lash_length=(0.8, 2.2), crease_depth=(0.4, 1.6), socket=(0.4, 1.6), bag=(0.0, 0.8), ambient=(0.1, 0.5),
    skin=(0.3, 1.0), light_y=(-1.2, 0.6), light_x=(-1.2, 1.2), veins=(0.3, 1.6), grain=(0.2, 0.9), relief=(0.2, 1.2),
    glint=(0.0, 0.8), exposure=(0.7, 1.25),
    shift_x=(-1.2, 1.2), shift_y=(-1.2, 1.2), zoom=(0.92, 1.1), roll=(-4.0, 4.0))
# The same looks on other people.
PEOPLE_WILD = WILD | {name: PEOPLE[name] for name in PEOPLE if PEOPLE[name] != EYE[name]}


def stand_in(n, seed, size=(35, 55), device="cpu", prior=WILD, progress=None, people=0):
    """n images of the stand-in real domain, gray  ->  ImageSet with labels (for measuring) and the group `day`.

    A `day` shares most of its light, skin and exposure, as those of one person do; each image has a camera of its own.
    There are about 50 images a day.
    people: how many there are, one after the other, each of whom keeps an anatomy; the group `subject` then names them, and a
    day is one person's, named s01/day03.  0: each image shows somebody else.
    Images of MPIIGaze's own size, 36x60, are as photographed; of another size they are scaled.
    Raises UserError for a number of people that is none, or more than images.
    progress: called as progress(done, total) now and then, for a bar.
    """
    generator = torch.Generator(device).manual_seed(seed)
    # Photographed as MPIIGaze's 36 x 60 crops, then scaled to what the paper's networks take.
    native = size if tuple(size) == CROP else (round(size[0] * 36 / 35), round(size[1] * 60 / 55))
    eyes, (person, day) = draw_parameters(n, generator, prior), _people_and_days(n, people)
    eyes = eyes.with_values(**_shared_light(eyes, day.to(device)))
    groups = {"day": [f"day{d + 1:02d}" for d in day.tolist()]}
    if people:
        whose = _first(person).to(device)
        eyes = eyes.with_values(**{name: eyes[name][whose] for name in ANATOMY})
        groups["subject"] = [f"s{p:02d}" for p in person.tolist()]          # s, not p: MPIIGaze has a p00
        groups["day"] = group_names(groups)
    seen = render(eyes, native, progress=progress)
    # In parts: in one go a hundred thousand images would need as many gigabytes.
    photographs = torch.cat([photograph(part, generator) for part in seen.images.split(EXPOSED)])
    return replace(seen, images=resized(photographs, size), labels=labels_of(eyes, size),
                   groups=groups, source="stand-in real eyes (simgan_lib.simulators.camera)")


def _people_and_days(n, people):
    """Numbers (n,) of each image's person and of its day, which is one person's alone; of nobody in particular if people is 0."""
    Whole(0, n).check("people", people)
    person = torch.arange(n) * max(1, people) // n
    sizes = person.bincount()
    days = (sizes // 50).clamp_min(1)
    within = torch.arange(n) - (sizes.cumsum(0) - sizes)[person]
    return person, (days.cumsum(0) - days)[person] + within * days[person] // sizes[person]


def _first(group):
    """Index (n,) of the first image of each image's group; groups stand one after the other."""
    return torch.searchsorted(group, group)


def _shared_light(eyes, day):
    """Light of a day: that of its first image, with a quarter of each image's own difference."""
    first = _first(day)
    return {name: eyes[name][first] + 0.25 * (eyes[name] - eyes[name][first])
            for name in ("light_x", "light_y", "ambient", "skin", "exposure")}


def photograph(images, generator, parts=("light", "tone", "defocus", "noise", "compression")):
    """A bad camera, one setting an image: light, tone, defocus, noise, compression, and always equalisation.

    images: uint8 (N, 1, H, W) of any size.  parts: which of the five take part.  Returns the same shape and type.
    Draws from `generator` (on the images' device).
    """
    settings = CameraSettings(len(images), generator)
    x = images.float() / 255
    for part, change in PHOTOGRAPHED.items():
        x = change(x, settings) if part in parts else x
    return equalised((x.clamp(0, 1) * 255).round_().to(torch.uint8))


class CameraSettings:
    """Random camera settings, one an image, all from one generator."""

    def __init__(self, n, generator):
        self.n, self.generator = n, generator

    def between(self, low, high):
        """Uniform (N, 1, 1, 1)."""
        return low + (high - low) * torch.rand(self.n, 1, 1, 1, generator=self.generator, device=self.generator.device)

    def normal(self, *shape):
        return torch.randn(self.n, *shape, generator=self.generator, device=self.generator.device)


def uneven_light(x, settings):
    """Shadows across the face: a smooth random field, up to about a stop darker or brighter."""
    field = F.interpolate(settings.normal(1, 3, 4), size=x.shape[-2:], mode="bicubic", align_corners=True)
    return x * torch.exp(settings.between(0.1, 0.55) * field)


def tone_curve(x, settings):
    """Exposure and gamma of a cheap camera."""
    return (x * settings.between(0.7, 1.2)).clamp(1e-4, 1) ** settings.between(0.6, 1.5)


def defocus(x, sigma):
    """Gaussian blur of (N, C, H, W), sigma (N, 1, 1, 1) in pixels: one separable kernel an image."""
    kernel = torch.exp(-0.5 * (torch.arange(-4, 5, device=x.device) / sigma) ** 2)                # (N, 1, 1, 9)
    kernel = (kernel / kernel.sum(-1, keepdim=True)).repeat_interleave(x.shape[1], 0)             # (N C, 1, 1, 9)
    flat = F.pad(x, (4, 4, 4, 4), mode="replicate").flatten(0, 1)[None]       # (1, N C, H, W): each plane is a channel here
    flat = F.conv2d(flat, kernel.transpose(2, 3), groups=len(kernel))
    return F.conv2d(flat, kernel, groups=len(kernel)).view_as(x)


def sensor_noise(x, settings):
    """Noise that grows with brightness, smeared by the interpolation of the crop."""
    level = settings.between(0.002, 0.03) * (0.4 + x.clamp_min(0).sqrt())
    noise = defocus(settings.normal(*x.shape[1:]), settings.between(0.3, 0.7))
    return x + level * noise


def compress(x, step):
    """JPEG's loss: each 8 x 8 block's cosine coefficients rounded to a step that grows with frequency."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (0, -width % 8, 0, -height % 8), mode="replicate")
    k = torch.arange(8, device=x.device)
    basis = torch.cos(math.pi * (2 * k + 1) * k[:, None] / 16) * 0.5  # (frequency, place)
    basis[0] = math.sqrt(1 / 8)
    blocks = padded.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)                   # (N, C, H/8, W/8, 8, 8)
    steps = step[..., None, None] * (1 + 0.35 * (k + k[:, None]))
    coefficients = torch.round(basis @ blocks @ basis.T / steps) * steps
    return (basis.T @ coefficients @ basis).transpose(3, 4).reshape(padded.shape)[..., :height, :width]


PHOTOGRAPHED = {"light": uneven_light, "tone": tone_curve, "defocus": lambda x, settings: defocus(x, settings.between(0.35, 1.25)),
                "noise": sensor_noise, "compression": lambda x, settings: compress(x, settings.between(0.008, 0.035))}


def equalised(images):
    """Histogram equalisation of each uint8 image (N, 1, H, W), as MPIIGaze's normalisation does."""
    flat = images.flatten(1).long()
    cumulative = histograms(flat).cumsum(1)
    lowest = cumulative.gather(1, flat.amin(1, keepdim=True))
    table = 255.0 * (cumulative - lowest) / (flat.shape[1] - lowest).clamp_min(1)
    return table.clamp_min(0).round_().to(torch.uint8).gather(1, flat).reshape(images.shape)
