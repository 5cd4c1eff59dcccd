"""How fast is a training step, against the same step in plain PyTorch?

    python benchmarks/training.py [--quick] [--json] [--batch 32] [--threads 2] [--device cpu]

Ours is what `Training.update_refiner` and `Training.update_discriminator` do with the published networks.  The reference
is the same step written plainly: float32, contiguous tensors, eager, the usual allocator.  The refiner is measured as
published, with the mirrored margin that the kit adds to it, and with convolutions that reflect in its place.
`python benchmarks` measures all other parts, too.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from benchmarks.measuring import BATCH, SIZE, compared, of_batch, options, sizes_asked
from benchmarks.parts import PARTS, REFLECTING, STEPS
from simgan_lib.system.errors import exit_status


def main():
    parser = options(__doc__)
    parser.add_argument("--batch", type=BATCH, default=32)
    asked = parser.parse_args()
    sizes, effort = sizes_asked(asked)
    result = {name: compared(name, PARTS[name], of_batch(sizes, asked.batch), asked.threads, effort)
              for name in (*STEPS, REFLECTING)}
    about = {"batch": asked.batch, "threads": asked.threads, "size": list(SIZE), "torch": torch.__version__,
             "reference": "the same step in float32, contiguous, eager PyTorch"}
    if asked.json:
        print(json.dumps({**result, **about}))
        return
    print(f"{asked.threads} threads, batch {asked.batch}, {SIZE[0]}x{SIZE[1]}, torch {torch.__version__}")
    print(f"{'step':<28}{'images/s':>10}{'plain':>10}{'ratio':>8}")
    for name, row in result.items():
        print(f"{name:<28}" + "{:>10}{:>10}{:>8}".format(*row.values()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
