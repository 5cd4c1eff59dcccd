"""Does the stand-in's depth camera see what NYU's camera saw?

    python studies/hand_camera.py [--real DIR] [--n 24] [--picture FILE] [--json]

DIR is NYU's release (or the part of it that is there); by default NYU/ in the folder that the variable SIMGAN_SAMPLES
names, or in ../shared/data.  Its first test frame is the one real picture: n = 1, so its numbers are targets, not
statistics.  Ours are open hands where that hand is, before a body as there, as whole pictures of 640x480: the mean of n,
± their standard deviation.  The same code measures both.
A row passes if ours and the real one differ by at most the factor, either way.  The outline's single lags are shown only:
one outline of 120 rows leaves them uncertain by what stands behind ±, so their sum is judged.  What is missing of a whole
picture is set by the scene, not by the camera; beside ours stands what the simulator gives without a camera.  Steps of
depth are ours on a slanted plane.
--picture draws the real crop among six of ours.  NYU's licence was not checked: such a picture is for looking only.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.datasets.base import Unusable
from simgan_lib.datasets.nyu import read_depth, read_nyu
from simgan_lib.evaluation import depth_noise
from simgan_lib.hands import CUBE, FOCAL, PICTURE, Crop
from simgan_lib.simulators.depth_camera import KINECT, structured_light
from simgan_lib.simulators.hand_prior import HAND, HandPrior, draw_hands
from simgan_lib.simulators.hands import depth_of, joints_of
from simgan_lib.simulators.stand_in_hands import behind, photographed
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.settings import Parser, Whole

FRAME, SPOT = "depth_1_0000001.png", (217.7, 238.7, 760.4)     # the mean of its 14 joints: px, px, mm
SCENE = {"body": 270.0, "aside": 205.0, "half_width": 220.0, "wall": 2500.0}     # mm: as in that frame, but for the arms
FACTORS = {"step at 800 mm": 1.2, "step at 1000 mm": 1.2, "step at 1500 mm": 1.2,
           "missing, picture": 1.5, "missing, cube": 1.5, "missing, next to the hand": 1.2,
           "equal in rows": 1.2, "equal in columns": 1.2, "second difference, beyond": 1.5, "second difference, above": 1.5,
           "outline, px": 1.5, "outline, sum of lags 1-4": 1.5,
           "holes": 2.0, "shadow, px": 1.5, "shadow, of predicted": 1.5}


def samples():
    return Path(os.environ.get("SIMGAN_SAMPLES") or Path(__file__).parents[2] / "shared" / "data")


def real_picture(folder):
    """The real frame: float (480, 640) mm, NaN where depth is missing."""
    path = folder / "test" / FRAME
    if not path.is_file():
        raise UserError(f"{path}: expected NYU's first test frame, found none; --real names the folder of the release")
    try:
        mm = read_depth(path)
    except Unusable as error:
        raise UserError(f"{path}: expected one of NYU's depth pictures, found: {error}") from error
    return np.where(mm > 0, mm, np.nan)


def open_hands(n, generator):
    """n open hands upright before the camera, where the real one is."""
    like = {"turn": (-12, 4), "tilt": (6, 14), "roll": (-5, 5), "depth": (760, 785), "u": (205, 215), "v": (262, 275),
            "wrist_flexion": (-20, -10), "wrist_deviation": (-5, 5), "scale": (0.95, 1.05)}
    ranges = {**HAND, **{name: replace(HAND[name], low=low, high=high) for name, (low, high) in like.items()}}
    return draw_hands(n, generator, HandPrior(ranges, {"open": ((4, 8), (14, 8, 5, 5))}, alike=1.0, spread=6.0, wander=3.0))


def our_pictures(n, generator):
    """(as the camera sees them, exact): each (n, 480, 640) mm; the places of the hands (n, 3)."""
    hands = open_hands(n, generator)
    middle = Crop.around(joints_of(hands), PICTURE).middle
    columns, rows = (torch.arange(side).expand(n, -1) for side in PICTURE[::-1])
    scene = {name: torch.full((n, 1), value) for name, value in SCENE.items()}
    exact = torch.minimum(depth_of(hands, (columns, rows)), behind(columns, middle, **scene)[:, None])
    seen = structured_light(exact, generator)
    return seen.numpy(), torch.where(exact < KINECT.farthest, exact, torch.nan).numpy(), middle.numpy()


def measured(mm, middle):
    """{row: number} of one picture (480, 640) with a hand at the place `middle`."""
    half = np.array(FOCAL) * CUBE / 2 / middle[2]
    (left, top), (right, bottom) = np.rint(middle[:2] - half).astype(int), np.rint(middle[:2] + half).astype(int) + 1
    cube = mm[top:bottom, left:right].astype(float)
    hand = depth_noise.hand_mask(cube, middle[2], CUBE)
    rows, columns = depth_noise.equal_neighbours(cube, hand)
    median, above = depth_noise.second_differences(cube, hand)
    jitter, together = depth_noise.silhouette_residual(hand)
    seen, predicted = depth_noise.shadow_widths(cube, hand, KINECT.strength)
    return {"missing, picture": depth_noise.missing_share(mm), "missing, cube": depth_noise.missing_share(cube),
            "missing, next to the hand": depth_noise.missing_share(cube, depth_noise.beside(hand)),
            "equal in rows": rows, "equal in columns": columns,
            "second difference, beyond": median, "second difference, above": above,
            "outline, px": jitter, **{f"outline, lag {lag}": value for lag, value in zip(depth_noise.LAGS, together)},
            "outline, sum of lags 1-4": sum(together),
            "holes": depth_noise.holes(cube, hand),
            "shadow, px": np.median(seen), "shadow, of predicted": np.median(seen / predicted)}


def steps(mm):
    return {f"step at {z} mm": depth_noise.quantization_step(mm, z) for z in (800, 1000, 1500)}


def ramp(generator):
    """A slanted plane from 700 to 1,700 mm, as the camera sees it: (40, 1200) mm."""
    return structured_light(torch.linspace(700, 1700, 1200).expand(1, 40, -1), generator)[0].numpy().astype(float)


def table(folder, n, seed=0):
    """{row: {real, ours, sd, exact, ratio, factor, passes}}."""
    generator = torch.Generator().manual_seed(seed)
    picture = real_picture(folder)
    real = {**steps(picture), **measured(picture, np.array(SPOT))}
    seen, exact, middles = our_pictures(n, generator)
    ours = [{**steps(ramp(generator)), **measured(mm, middle)} for mm, middle in zip(seen, middles)]
    clean = [measured(mm, middle) for mm, middle in zip(exact, middles)]
    return {row: compared(value, [each[row] for each in ours], [each.get(row, np.nan) for each in clean], FACTORS.get(row))
            for row, value in real.items()}


def compared(real, ours, exact, factor):
    found = np.array(ours)[np.isfinite(ours)]
    if len(found) < len(ours):
        raise UserError(f"{len(ours) - len(found)} of {len(ours)} pictures of ours lack a statistic; take another --n")
    mean = float(found.mean())
    ratio = 1.0 if mean == real else mean / real if real else np.inf
    return {"real": real, "ours": mean, "sd": float(found.std()), "exact": float(np.mean(exact)), "ratio": float(ratio),
            "factor": factor, "passes": factor is None or bool(1 / factor <= ratio <= factor)}


def draw(folder, path, seed=0):
    """The real crop among six of ours, in one row of 7  ->  its number from the left, 2 to 6."""
    generator = torch.Generator().manual_seed(seed)
    ours = photographed(open_hands(6, generator), generator, (224, 224)).images[:, 0]
    place = int(torch.randint(1, 6, (1,), generator=generator))
    crops = torch.cat([ours[:place], read_nyu(folder).images[0], ours[place:]])
    Image.fromarray(torch.cat(list(crops), 1).numpy()).save(path)
    return place + 1


def main():
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=Path, default=samples() / "NYU")
    parser.add_argument("--n", type=Whole(1, 1000), default=24, help="pictures of ours")
    parser.add_argument("--picture", type=Path, help="PNG to write: the real crop among six of ours")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    rows = table(asked.real, asked.n)
    if asked.json:
        print(json.dumps(rows))
    else:
        print(f"{'':28}{'real, n = 1':>12}{f'ours, n = {asked.n}':>18}{'no camera':>12}{'ratio':>8}{'factor':>8}")
        for name, row in rows.items():
            print(f"{name:28}{row['real']:12.4g}{row['ours']:10.4g} ± {row['sd']:5.2g}{row['exact']:12.4g}{row['ratio']:8.2f}"
                  f"{row['factor'] or '-':>8}  {'' if row['passes'] else 'outside'}")
    if asked.picture:
        print(f"{asked.picture}: number {draw(asked.real, asked.picture)} of 7 is real", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
