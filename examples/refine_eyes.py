"""SimGAN from end to end: simulate eyes, train a refiner, refine, look.

    python examples/refine_eyes.py                minutes on a CPU; then look at refined_eyes.png
    python examples/refine_eyes.py --steps 20     a short run, to see that it works

No pictures of yours are needed.  The real domain is a stand-in: other simulated eyes, seen by a simulated bad camera.
"""

import sys
from argparse import RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))        # the kit beside this folder, installed or not
from simgan_lib.figures import to_png
from simgan_lib.figures.results import examples
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import exit_status
from simgan_lib.system.files import write_whole
from simgan_lib.system.places import checked
from simgan_lib.system.settings import MANY, Parser, Whole
from simgan_lib.training import PRESETS, Training, refine


def main():
    words = Parser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    words.add_argument("--steps", type=Whole(1, MANY), default=PRESETS["quick"].steps,
                       help="steps after the warm-ups (default: %(default)s)")
    words.add_argument("--picture", default="refined_eyes.png", help="where to write what came out (default: %(default)s)")
    arguments = words.parse_args()
    checked(arguments.picture)                                      # who cannot write should know before the training

    # Simulate: a simulator knows where each eye looks.  Of the real ones, only the pixels are used.
    synthetic, real = simulate(2000, seed=0), stand_in(2000, seed=1)
    print(f"{len(synthetic)} synthetic eyes with the labels {', '.join(synthetic.labels)}; {len(real)} eyes to resemble")

    # Train: a refiner and a discriminator teach each other.  First each warms up alone, shorter in a shorter run.
    steps = arguments.steps
    config = replace(PRESETS["quick"], steps=steps, refiner_warmup=steps // 3, discriminator_warmup=steps // 15)
    run = Training(config, synthetic, real, seed=0)
    for record in run.run():                                        # Algorithm 1 of the paper, a step at a time
        if record.step % 20 == 0 or record.step == record.total:
            losses = [f"{name} {value:.2f}" for name, value in record.numbers().items() if isinstance(value, float)]
            print(f"step {record.step} of {record.total}, {record.phase}: {', '.join(losses)}")

    # Refine: the pixels change, the labels stay.
    shown = synthetic[:12]
    refined = refine(run.result, shown)

    # Look.
    figure, described = examples(real.images, shown.images, refined.images)
    write_whole(arguments.picture, [to_png(figure, dpi=200)])
    print(f"look at {arguments.picture}. {described}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
