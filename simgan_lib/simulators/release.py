"""A small data set in the very layout of MPIIGaze's release, for who has not downloaded it: stand-in eyes, never real ones.

Recorded as people are: in bursts, an eye that hardly moves from frame to frame, several bursts a day, each with its light.
So what goes wrong with real recordings (right eyes left as they are, a split through the middle of a burst) goes wrong here.
Taught in: notebook 11.
"""

from pathlib import Path

import numpy as np
import scipy.io
import torch

from ..gaze import gaze_vector, mirrored
from .camera import WILD, photograph
from .eyes import render
from .parameters import EyeParameters, draw_parameters

BURST = 6                 # frames of one burst
DRIFT = 0.7               # degrees that the gaze moves between frames, standard deviation


def write_release(folder, days=9, bursts=8, seed=0, subject="p00"):
    """Write folder/Data/Normalized/<subject>/dayXX.mat  ->  folder, a Path.  The same seed gives the same eyes.

    As in the release: `data.left` and `data.right` with `image` uint8 (n, 36, 60), `gaze` (n, 3) unit vectors, `pose`
    (n, 3), and `filenames`; an eye that is missing in a frame is all zero, its gaze NaN.
    """
    folder, generator = Path(folder), torch.Generator().manual_seed(seed)
    for day in range(1, days + 1):
        left, right = (_recorded(bursts, generator, side == "right") for side in ("left", "right"))
        write_day(folder / "Data" / "Normalized" / subject / f"day{day:02d}.mat", left, right)
    return folder


def write_day(path, left, right, names=None):
    """Write one day of one subject as the release has it  ->  path, a Path.

    left, right: dicts with `image` uint8 (n, 36, 60), `gaze` (n, 3) and `pose` (n, 3); other content is written as it is,
    for tests of readers.  names: those of the n frames; None: 0001.jpg, 0002.jpg ...
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"{frame + 1:04d}.jpg" for frame in range(len(left.get("image", ())))] if names is None else names
    names = np.array([[name] for name in names], dtype=object)
    scipy.io.savemat(path, {"data": {"left": left, "right": right}, "filenames": names}, do_compression=True)
    return path


def _recorded(bursts, generator, right):
    """One side of one day: image, gaze and pose.  The simulator draws left eyes; a right one is a mirrored left one."""
    eyes = draw_parameters(bursts, generator, WILD)
    values = {name: value.repeat_interleave(BURST) for name, value in eyes.values.items()}
    for name in ("pitch", "yaw"):                          # the gaze wanders a little
        values[name] += DRIFT * torch.randn(BURST * bursts, generator=generator)
    seen = render(EyeParameters(values, eyes.texture.repeat_interleave(BURST, 0)), (36, 60))
    images = photograph(seen.images, generator, parts=("defocus", "noise", "compression"))[:, 0]       # (n, 36, 60)
    gaze = seen.labels["gaze"]
    if right:
        images, gaze = images.flip(-1), mirrored(gaze)
    images, vectors = images.numpy().copy(), gaze_vector(gaze.double()).numpy()
    missing = torch.rand(len(images), generator=generator).numpy() < 0.05
    images[missing], vectors[missing] = 0, np.nan
    return {"image": images, "gaze": vectors, "pose": np.full_like(vectors, np.nan)}
