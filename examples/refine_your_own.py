"""Make your own simulated pictures look like your own real ones:  python examples/refine_your_own.py SIMULATED REAL REFINED

All three are folders.  A refined picture has the name of the simulated one that it was made from, so its labels are known.
"""

import sys
from argparse import RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))        # the kit beside this folder, installed or not
from simgan_lib.datasets.base import listing
from simgan_lib.datasets.folder import common_size, read_folder
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.image_sets import put_in_place, work_place
from simgan_lib.system.places import apart
from simgan_lib.system.settings import MANY, Parser, Whole
from simgan_lib.training import PRESETS, Training, refine


def main():
    words = Parser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    for name, what in (("simulated", "to refine"), ("real", "to resemble"), ("refined", "to write to, new or empty")):
        words.add_argument(name, type=Path, help=what)
    words.add_argument("--steps", type=Whole(1, MANY), default=PRESETS["quick"].steps,
                       help="steps after the warm-ups (default: %(default)s)")
    words.add_argument("--colour", action="store_true", help="keep the colours; gray else")
    words.add_argument("--size", type=Whole(8, 1024), nargs=2, metavar=("HEIGHT", "WIDTH"),
                       help="cut and scale each picture to this")
    given = words.parse_args()

    names = listing(given.simulated, "simulated pictures")
    size = given.size or common_size(given.simulated, given.real)
    if min(size) < 8:
        raise UserError(f"expected pictures of at least 8 pixels a side, found {size[0]} x {size[1]}")
    synthetic, real = (read_folder(folder, size, given.colour) for folder in (given.simulated, given.real))
    if len(synthetic) < len(names):                                 # else names and pictures would not go together
        raise UserError(f"{given.simulated}: expected pictures that can all be used, found {synthetic.source}")
    apart(given.refined, given.simulated, given.real)
    with work_place(given.refined, "this program") as place:        # who cannot write should know before the training
        for name, image in zip(names, refined(synthetic, real, given.steps).images):
            (place / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).squeeze(2).numpy()).save(place / "set" / name, quality=95)
        put_in_place(place / "set", given.refined)                  # all of them or none
    print(f"\n{len(names)} refined pictures in {given.refined}; from the real folder: {real.source}")


def refined(synthetic, real, steps):
    """The synthetic images, made to look like the real ones."""
    run = Training(replace(PRESETS["quick"], steps=steps), synthetic, real, seed=0)
    for record in run.run():                                        # Algorithm 1 of the paper, a step at a time
        print(f"\rstep {record.step} of {record.total}, {record.phase}    ", end="", flush=True)
    return refine(run.result, synthetic)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
