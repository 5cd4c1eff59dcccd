"""What an eye is made of: every parameter of the eye simulator, with its prior, its unit and what it does.

Taught in: notebook 01 (each parameter on a slider).
"""

from dataclasses import dataclass, replace

import torch

from ..system.device import check_memory
from ..system.errors import UserError
from ..system.settings import short


@dataclass(frozen=True)
class Range:
    """One parameter: drawn uniformly from [low, high]; `default` is the value that sliders start from."""

    low: float
    default: float
    high: float
    unit: str
    what: str


# A laptop user, seen by a camera above the screen: 20 degrees to either side, mostly below the camera.
# Anatomy in millimetres after the usual textbook values (eyeball 12, iris 5.9, fissure 30 x 10, visual axis
# 5 degrees nasal of the optic axis).  The window is 37.5 x 22.5 mm, as of MPIIGaze's normalised crops.
EYE = {
    "pitch": Range(-19, -7, 4, "deg", "gaze up (+) or down (-)"),
    "yaw": Range(-18, 0, 18, "deg", "gaze to the image's left (+) or right (-)"),
    "head_pitch": Range(-12, -5, 2, "deg", "head up or down; the lids follow the gaze within the head"),
    "head_yaw": Range(-10, 0, 10, "deg", "head to the image's left or right"),
    "kappa": Range(4.3, 5, 5.7, "deg", "visual axis, nasal of the optic axis (the gaze label is the visual axis)"),
    "kappa_up": Range(0.5, 1, 1.5, "deg", "visual axis, above the optic axis"),
    "eye_x": Range(-0.9, -0.5, -0.1, "mm", "eyeball centre right of the middle of the two eye corners"),
    "eye_y": Range(-3.1, -2.6, -2.2, "mm", "eyeball centre below the line of the eye corners"),
    "shift_x": Range(-0.7, 0, 0.7, "mm", "the crop misses the eye's middle, to the right"),
    "shift_y": Range(-0.7, 0, 0.7, "mm", "the crop misses the eye's middle, downwards"),
    "zoom": Range(0.95, 1, 1.06, "", "the crop is too large (above 1: the eye fills more of it)"),
    "roll": Range(-3, 0, 3, "deg", "the crop is rotated"),
    "iris_radius": Range(5.4, 5.9, 6.4, "mm", "radius of the iris"),
    "pupil_radius": Range(1.5, 2.4, 3.5, "mm", "radius of the pupil"),
    "limbus": Range(0.2, 0.45, 0.8, "mm", "softness of the edge between iris and sclera"),
    "half_width": Range(14.8, 16.4, 18.2, "mm", "half of the distance between the eye corners"),
    "upper_lid": Range(4.9, 6.2, 7.6, "mm", "upper lid above the corner line, at gaze straight ahead"),
    "lower_lid": Range(2.5, 3.5, 4.6, "mm", "lower lid below the corner line"),
    "lid_peak": Range(-0.3, -0.1, 0.1, "", "highest place of the upper lid, -1 at the nose to 1 at the temple"),
    "lid_shape": Range(0.5, 0.65, 0.9, "", "exponent of the lid curve: small is angular, 1 is a parabola"),
    "tilt": Range(-2.5, 1.0, 4.5, "deg", "outer corner above the inner corner"),
    "crease": Range(1.2, 2.6, 4.5, "mm", "fold of the upper lid above its edge"),
    "crease_depth": Range(0.1, 0.5, 1.0, "", "depth of that fold"),
    "bag": Range(0.0, 0.25, 0.5, "", "depth of the fold under the lower lid"),
    "socket": Range(0.2, 0.5, 0.9, "", "depth of the eye socket towards the nose"),
    "relief": Range(0.0, 0.4, 0.8, "", "unevenness of the face around the eye"),
    "brow": Range(10.5, 13.0, 17.0, "mm", "lower edge of the eyebrow above the corner line"),
    "brow_dark": Range(0.0, 0.5, 0.9, "", "darkness of the eyebrow"),
    "lashes": Range(0.2, 0.5, 0.9, "", "darkness of the upper lashes"),
    "lash_length": Range(0.8, 1.5, 2.8, "mm", "length of the upper lashes"),
    "skin": Range(0.4, 0.65, 0.9, "", "skin from dark to light"),
    "skin_red": Range(0.0, 0.4, 1.0, "", "redness of the skin"),
    "iris_tone": Range(0.0, 0.4, 1.0, "", "iris from dark brown over hazel and green to blue-gray"),
    "sclera": Range(0.46, 0.62, 0.78, "", "brightness of the white of the eye"),
    "veins": Range(0.0, 0.35, 1.0, "", "redness of the white of the eye towards its corners"),
    "light_x": Range(-0.9, 0.1, 0.9, "", "main light from the image's left (-1) or right (1)"),
    "light_y": Range(-1.0, -0.4, 0.2, "", "main light from above (-1) or below (1)"),
    "ambient": Range(0.15, 0.35, 0.5, "", "share of light that comes from everywhere"),
    "exposure": Range(0.9, 1.0, 1.1, "", "brightness of the whole image"),
    "glint": Range(0.0, 0.5, 1.0, "", "strength of the light's reflection on the cornea (below 0.15: none)"),
    "glint_size": Range(0.35, 0.6, 1.0, "mm", "radius of that reflection"),
    "grain": Range(0.1, 0.3, 0.6, "", "unevenness of skin and iris"),
}



def changed(prior, **bounds):
    """The prior with other bounds of some parameters, {name: (low, high)}, whose default is their middle."""
    return {**prior, **{name: replace(prior[name], low=low, default=(low + high) / 2, high=high)
                        for name, (low, high) in bounds.items()}}


# EYE was fitted to the crops of one person.  Here people differ.  Spreads of the first two kinds are published:
# kappa: 5.5 +- 1.3 degrees (Hashemi et al. 2010), 4.8 +- 2.4 (Choi and Kim 2013); the lids' opening: 9.4 +- 1.6 mm high
# (Knezi et al. 2020).  The eyes' width reaches from their 27.1 - 1.7 mm to p00's.  All else is ours: that a face model fits nobody,
# so that eyeball and crop are a millimetre or two off.  Means were fitted to unlabelled windows (studies/prior.py --windows).
PEOPLE = changed(EYE, kappa=(1.5, 8.5), kappa_up=(-1.5, 3.5), eye_x=(-2.4, 0.4), eye_y=(-3.8, -1.0), shift_x=(-1.2, 1.2),
                 shift_y=(-1.2, 1.2), zoom=(0.93, 1.12), half_width=(13.0, 18.2), upper_lid=(4.0, 7.6), lower_lid=(2.0, 5.4),
                 tilt=(-3.0, 7.0), lid_peak=(-0.35, 0.2), head_pitch=(-18, 12), head_yaw=(-20, 20))
# What one person keeps from picture to picture; light, skin's look and how the crop was cut are a picture's own.
ANATOMY = ("kappa", "kappa_up", "eye_x", "eye_y", "iris_radius", "half_width", "upper_lid", "lower_lid", "lid_peak", "lid_shape",
           "tilt", "crease", "brow", "iris_tone", "skin_red")
# The paper's situation: UnityEyes looks and turns far further than people before a laptop do.  Anatomy, lids, light and skin are
# those of an early version of this simulator, from before it was fitted to real crops.
WIDE = changed(EYE, pitch=(-25, 25), yaw=(-35, 35), head_pitch=(-20, 20), head_yaw=(-20, 20), eye_x=(-0.7, 0.1), eye_y=(-2.3, -1.5),
               half_width=(14.2, 17.6), upper_lid=(5.6, 8.2), lid_peak=(-0.2, 0.12), lid_shape=(0.55, 0.95), tilt=(-1.0, 6.0),
               crease_depth=(0.0, 0.6), socket=(0.1, 0.5), relief=(0.0, 0.0), lashes=(0.1, 0.5), iris_tone=(0.15, 1.0),
               sclera=(0.5, 0.85), light_x=(-0.6, 0.6), light_y=(-0.8, 0.0), ambient=(0.4, 0.7), grain=(0.2, 0.6))
PRIORS = {"one": EYE, "people": PEOPLE, "wide": WIDE}

BYTES = 8000          # that an eye takes at least: parameters, image and masks, and these once more while parts are joined
TEXTURE = (2, 9, 14)   # per eye: two low-resolution fields of Gaussian noise, the only parameters without a name


@dataclass(frozen=True)
class Parameters:
    """N of a kind: `values` maps each name of the prior to (N,)."""

    values: dict
    kind = "simulator"         # in messages

    def __len__(self):
        return len(next(iter(self.values.values())))

    def __getitem__(self, name):
        return self.values[name]

    @property
    def device(self):
        return next(iter(self.values.values())).device

    def chunk(self, part):
        """Those of `part`, a slice or indices."""
        return replace(self, values={name: v[part] for name, v in self.values.items()})

    def with_values(self, **changes):
        """The same but for the named parameters: a number for all, or a tensor (N,).

        Raises UserError for a name that the simulator does not have, or a value that is neither.
        """
        if unknown := sorted(set(changes) - set(self.values)):
            raise UserError(f"no {self.kind} parameter {', '.join(unknown)}; there are {', '.join(sorted(self.values))}")
        try:
            fixed = {n: torch.as_tensor(v, dtype=torch.float32, device=self.device).expand(len(self)).clone()
                     for n, v in changes.items()}
        except (TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"values: expected numbers, or tensors ({len(self)},), found {short(changes)}") from error
        return replace(self, values={**self.values, **fixed})


@dataclass(frozen=True)
class EyeParameters(Parameters):
    """N eyes, whose `texture` is Gaussian noise (N, 2, 9, 14)."""

    texture: torch.Tensor
    kind = "eye"

    def chunk(self, part):
        return replace(super().chunk(part), texture=self.texture[part])


def between(ranges, uniform):
    """{name: low + (high - low) u}, u being a row of `uniform` (number of ranges, N) in [0, 1)."""
    return {name: r.low + (r.high - r.low) * u for (name, r), u in zip(ranges.items(), uniform)}


def draw_parameters(n, generator, prior=EYE):
    """n eyes drawn from the prior, on the generator's device.  Raises UserError for less than one, or more than fit."""
    if n < 1:
        raise UserError(f"number of eyes: expected at least 1, found {n}")
    check_memory(n * BYTES, generator.device, f"simulating {n:,} eyes")
    uniform = torch.rand(len(prior), n, generator=generator, device=generator.device)
    return EyeParameters(between(prior, uniform), torch.randn(n, *TEXTURE, generator=generator, device=generator.device))


def default_parameters(n=1, seed=0, prior=EYE):
    """n times the eye that the sliders start from; only the texture differs."""
    values = {name: torch.full((n,), float(r.default)) for name, r in prior.items()}
    return EyeParameters(values, torch.randn(n, *TEXTURE, generator=torch.Generator().manual_seed(seed)))
