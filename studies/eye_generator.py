"""Trains the style-based generator of eyes that comes with the kit, and says how good its eyes are.

    python studies/eye_generator.py [--preset full] [--images 20000] [--seed 0] [--colour] [--device auto]
                                    [--state FILE] [--out FILE] [--quick] [--json]

It learns from simulated eyes without their labels; one-shot segmentation takes its features.  A killed
run goes on from --state; a run that has all its steps is only measured.  Beside each number of the generated eyes stands
that of fresh simulated eyes, which no training drew: no generator can be expected to do better.
kernel_distance   squared maximum mean discrepancy to other fresh eyes, in features of `feature_network`
right_percent     how often a network tells them from other fresh eyes; 50 is guessing
pair_difference   mean difference of two of the eyes, gray levels: falls where a generator makes the same eyes again
nearest_training  how far the nearest training eye is, gray levels: a generator that copies is nearer than fresh eyes are
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.judges import feature_network
from simgan_lib.evaluation.realism import kernel_distance, nearest_distance, two_sample_accuracy
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import row
from simgan_lib.experiments.runs import held_interrupt
from simgan_lib.experiments.tables import text_table
from simgan_lib.images import pixels
from simgan_lib.neighbours.generators import save_generator
from simgan_lib.neighbours.style_gan import sample
from simgan_lib.neighbours.style_training import PRESETS, StyleTraining
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.device import resident, resolve_device
from simgan_lib.system.errors import GOES_ON, exit_status
from simgan_lib.system.places import checked, claimed
from simgan_lib.system.run_file import RunFile
from simgan_lib.system.settings import COUNT, SEED, OneOf, Parser, text

SAVE_EVERY = 100          # steps
FRESH, OTHERS = 70_001, 70_002                         # seeds of eyes that no training draws
NOT = "It learned from the simulator, not from people: its eyes are no more real than the simulator's, and have no labels."


def trained(path, config, images, seed, device):
    """Train, or go on from the file `path`, until done  ->  (StyleTraining, seconds of all its parts)."""
    run, file, seconds = StyleTraining(config, images, seed, device), RunFile(path), 0.0

    def restore(state):
        nonlocal seconds
        run.restore(state["run"])
        seconds = float(state["seconds"])
    with claimed(path), held_interrupt() as interrupted:
        file.take_up(restore)
        start = time.perf_counter() - seconds
        for record in tqdm(run.run(), total=config.steps, initial=run.done, desc="training the generator", unit="step"):
            stop = interrupted()
            if record.step % SAVE_EVERY == 0 or record.step == record.total or stop:
                seconds = time.perf_counter() - start
                file.save({"run": run.state(), "seconds": seconds})
            if stop:
                raise KeyboardInterrupt
    return run, seconds


def measured(generated, training, seed, few=500):
    """Rows of the generated eyes, uint8 (N, C, H, W), and of as many fresh ones.  few: images compared with all of training."""
    n, colour = len(generated), generated.shape[1] == 3
    fresh, others = (pixels(simulate(n, seed=each, colour=colour)) for each in (FRESH, OTHERS))
    network, rows = feature_network(training, seed), []
    for kind, images in (("generated", generated), ("simulated", fresh)):
        distance, sd = kernel_distance(network, images, others, seed)
        near = nearest_distance(*(each.float().flatten(1) for each in (images[:few], pixels(training))))
        rows += [row(seed, kind, "kernel_distance", distance, n, sd=sd),
                 row(seed, kind, "right_percent", 100 * two_sample_accuracy(images, others, seed)["accuracy"], n),
                 row(seed, kind, "pair_difference", (images[1:].float() - images[:-1].float()).abs().mean(), n),
                 row(seed, kind, "nearest_training", near.mean(), len(near))]
    return rows


def card_of(a, out, seconds, rows):
    """What the file says of itself."""
    command = f"python studies/eye_generator.py --preset {a.preset} --images {a.images} --seed {a.seed}"
    return {"name": Path(out).stem, "purpose": "features for one-shot segmentation", "profile": a.preset,
            "seed": a.seed, "what_it_is_not": NOT, "seconds": round(seconds), "measurements": rows,
            "precision": "float32",
            "data": {"real": f"{a.images:,} simulated eyes, without labels",
                     "licence": "none but the kit's own: no picture of a person was used"},
            **about(resolve_device(a.device), command + (" --colour" if a.colour else ""))}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", type=OneOf(PRESETS), default="full")
    parser.add_argument("--images", type=COUNT, default=20_000, help="simulated eyes to learn from")
    parser.add_argument("--compared", type=COUNT, default=4000, help="eyes of each kind that are compared")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument("--colour", action="store_true", help="eyes in colour")
    parser.add_argument("--device", type=text, default="auto")
    parser.add_argument("--state", type=text, metavar="FILE", help="the run's (results/eye_generator-PRESET.state)")
    parser.add_argument("--out", type=text, metavar="FILE", help="the weights' (results/eye_generator-PRESET.safetensors)")
    parser.add_argument("--quick", action="store_true", help="preset quick, few images: to see that it runs")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    if a.quick:
        a.preset, a.images, a.compared = "quick", 400, 100
    state, out = (a.state or f"results/eye_generator-{a.preset}.state"), (a.out or f"results/eye_generator-{a.preset}.safetensors")
    checked(out)
    config, device = PRESETS[a.preset], resolve_device(a.device)
    images = simulate(a.images, seed=1000 + a.seed, colour=a.colour)
    run, seconds = trained(state, config, replace(images, images=resident(images.images, device)), a.seed, device)
    rows = measured(sample(run.result, a.compared, seed=a.seed).cpu(), images, a.seed)
    save_generator(out, run.result, config, card_of(a, out, seconds, rows))
    print(json.dumps(rows) if a.json else f"{text_table(rows)}\nthe generator: {out}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main, GOES_ON))
