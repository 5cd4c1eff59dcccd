"""How many eyes and hands a second do the simulators draw, and how many images the stand-in camera takes?

    python benchmarks/simulator.py [--quick] [--json] [--device cpu] [--threads 2]

The reference is the same renderer called for one eye at a time, as a plain loop would; for the stand-in, one image of
each day at a time.  `python benchmarks` measures all other parts, too.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from benchmarks.measuring import SIZE, compared, options, sizes_asked
from benchmarks.parts import PARTS, SIMULATORS, SLOWER
from simgan_lib.system.errors import exit_status


def main():
    asked = options(__doc__).parse_args()
    sizes, effort = sizes_asked(asked)
    result = {kind: compared(kind, PARTS[f"simulator_{kind}"], sizes, asked.threads, effort) for kind in SIMULATORS}
    about = {"size": list(SIZE), "size_hands": [96, 96], "size_hands_224": [224, 224],
             "images": sizes.drawn, "device": sizes.device, "threads": asked.threads, "torch": torch.__version__,
             "reference": "the same renderer, called for one image at a time"}
    if asked.json:
        # The headline, gray at 35x55, stands at the top level too.
        print(json.dumps({**result["gray"], **result, **about}))
        return
    hands, large = (sizes.drawn // SLOWER[kind] for kind in ("hands", "hands_224"))
    print(f"{sizes.drawn} images of 35x55, {hands} hands of 96x96, {large} of 224x224; {sizes.device}, "
          f"{asked.threads} threads, torch {torch.__version__}")
    print(f"{'images':<12}{'a second':>10}{'singly':>10}{'ratio':>8}")
    for name, row in result.items():
        print(f"{name:<12}" + "{:>10}{:>10}{:>8}".format(*row.values()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
