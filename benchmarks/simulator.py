"""How many eyes and hands a second do the simulators draw, and how many images the stand-in camera takes?

    python benchmarks/simulator.py [--quick] [--json] [--device cpu] [--threads 2]

The reference is the same renderer called for one eye at a time, as a plain loop would; for the stand-in, one image of
each day at a time.  Turns alternate, so that a busy machine slows both; of all turns the median counts.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.hands import simulate_hands
from simgan_lib.system.device import resolve_device
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import PROCESSES, Parser


def one_by_one(make, n):
    """What `make(n)` does, in a loop over single images."""
    for _ in range(n):
        make(1)


def seconds(work, n, device):
    """Time of one call, with all that it started on the device."""
    start = time.perf_counter()
    work(n)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def compare(make, n, single, rounds, device):
    """Images a second of `make(n)`, and of `single` images one by one, in turns."""
    make(n), one_by_one(make, 2)                            # caches and kernels are warm
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(n / seconds(make, n, device))
        plain.append(single / seconds(lambda m: one_by_one(make, m), single, device))
    speed, reference = statistics.median(ours), statistics.median(plain)
    return {"images_per_second": round(speed, 1), "reference_images_per_second": round(reference, 1),
            "ratio_to_reference": round(speed / reference, 2)}


def main():
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="some seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=PROCESSES, default=min(2, torch.get_num_threads()))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    device = resolve_device(asked.device)
    n, single, rounds = (512, 16, 5) if asked.quick else (4096, 64, 7)
    if device.type == "cuda":
        n *= 64
    kinds = {"gray": lambda m: simulate(m, 0, device=device), "colour": lambda m: simulate(m, 0, colour=True, device=device),
             "stand_in": lambda m: stand_in(m, 0, device=device), "hands": lambda m: simulate_hands(m, 0, device=device),
             "hands_224": lambda m: simulate_hands(m, 0, (224, 224), device)}
    slow = {"hands": 8, "hands_224": 32}                    # more pixels: fewer are enough
    result = {name: compare(make, n // slow.get(name, 1), single, rounds, device) for name, make in kinds.items()}
    about = {"size": [35, 55], "size_hands": [96, 96], "size_hands_224": [224, 224],
             "images": n, "device": str(device), "threads": asked.threads, "torch": torch.__version__,
             "reference": "the same renderer, called for one image at a time"}
    if asked.json:
        # The headline, gray at 35x55, stands at the top level too.
        print(json.dumps({**result["gray"], **result, **about}))
        return
    print(f"{n} images of 35x55, {n // slow['hands']} hands of 96x96, {n // slow['hands_224']} of 224x224; {device}, "
          f"{asked.threads} threads, torch {torch.__version__}")
    print(f"{'images':<12}{'a second':>10}{'singly':>10}{'ratio':>8}")
    for name, row in result.items():
        print(f"{name:<12}" + "{:>10}{:>10}{:>8}".format(*row.values()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
