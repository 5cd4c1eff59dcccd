"""Trains the part segmenter that comes with the kit, a UNet that looks at an image alone, and says how good it is.

    python studies/part_segmenter.py [--profile full] [--seed 0] [--out FILE] [--json]

Parts: skin, sclera, iris, pupil; a glint counts as what lies below it.  It learns from exact masks of simulated eyes, half
of the images as they are drawn, half as a simulated bad camera sees them, which moves nothing.  No image of the stand-in
domain or of a refiner is among them.
Measured on fresh eyes with exact masks, of three kinds:
drawn    as the simulator draws them
camera   the same through the camera
wild     eyes with the priors of the stand-in domain, through the camera: dark irises, deep shadows; none was learned from
iou_*              intersection over union
pupil_px           distance of the pupil's centre to the exact mask's, px at 55 px eye width
iris_px            the same of iris and pupil together
no_*_percent       images in which there is none of these
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.masks import SEEN, WHOLE_IRIS, centre_error, labelled_eyes, score
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import row
from simgan_lib.experiments.tables import text_table
from simgan_lib.images import ImageSet
from simgan_lib.neighbours.autoshot import StudentConfig, one_hot, segmented, train_student
from simgan_lib.neighbours.segmenters import save_segmenter
from simgan_lib.simulators.camera import WILD, photograph
from simgan_lib.system.errors import exit_status
from simgan_lib.system.places import checked
from simgan_lib.system.settings import COUNT, SEED, OneOf, Parser, Settings, text

LEARNED, TESTED, CAMERA = 80_000, 79_000, 500_000      # seeds; --seed on top of the first: no other eyes of the kit have them
NOT = "It learned from the simulator, not from people: what it says of real eyes was not measured."


@dataclass(frozen=True)
class Scale(Settings):
    """How much of everything."""

    eyes: COUNT                # to learn from, each in two looks
    tested: COUNT              # of each kind
    student: StudentConfig


SCALES = {"quick": Scale(60, 20, StudentConfig(20)), "full": Scale(4000, 1000, StudentConfig(2400, width=12))}


def photographed(eyes, seed):
    """The same eyes as the simulated camera sees them.  seed: that of the eyes; the camera has another one."""
    return replace(eyes, images=photograph(eyes.images, torch.Generator().manual_seed(CAMERA + seed)))


def learned(scale, seed):
    """The segmenter, a UNet, and the seconds of CPU time that it took."""
    start, eyes = time.process_time(), labelled_eyes(scale.eyes, seed=LEARNED + seed)
    both = ImageSet.concatenated([eyes, photographed(eyes, LEARNED + seed)])
    return train_student(both.images, one_hot(both.labels["parts"], len(SEEN)), scale.student, seed), time.process_time() - start


def kinds(n):
    """{kind: n fresh eyes with exact masks}"""
    eyes, wild = labelled_eyes(n, seed=TESTED), labelled_eyes(n, seed=TESTED + 1, prior=WILD)
    return {"drawn": eyes, "camera": photographed(eyes, TESTED), "wild": photographed(wild, TESTED + 1)}


def measured(network, n, seed):
    """Rows of what the segmenter says of n fresh eyes of each kind."""
    rows = []
    for kind, eyes in kinds(n).items():
        seen = segmented(network, eyes.images)
        off, empty = centre_error(*seen, eyes.labels["parts"], WHOLE_IRIS)
        rows += [row(seed, kind, measure, value, n)
                 for measure, value in {**score(*seen, eyes), "iris_px": off, "no_iris_percent": empty}.items()]
    return rows


def card_of(a, scale, seconds, rows):
    """What the file says of itself."""
    student = asdict(scale.student)
    return {"name": Path(a.out).stem, "purpose": "names the parts of an eye from its image alone: notebook 08",
            "what_it_is_not": NOT, "profile": a.profile, "seed": a.seed, "seconds": round(seconds), "measurements": rows,
            "precision": "float32", "parts": SEEN, "config": student | student.pop("augmentation"),
            "data": {"real": f"{scale.eyes:,} simulated eyes with exact masks, each as it is drawn and through a simulated camera",
                     "seeds": {"learned": LEARNED + a.seed, "measured": [TESTED, TESTED + 1]},
                     "licence": "none but the kit's own: no picture of a person was used"},
            **about(torch.device("cpu"), f"python studies/part_segmenter.py --profile {a.profile} --seed {a.seed}")}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", type=OneOf(SCALES), default="full", help=f"how much of everything: {', '.join(SCALES)}")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument("--out", type=text, metavar="FILE", default="results/parts.safetensors")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    checked(a.out)
    scale = SCALES[a.profile]
    network, seconds = learned(scale, a.seed)
    rows = measured(network, scale.tested, a.seed)
    save_segmenter(a.out, network, card_of(a, scale, seconds, rows))
    print(json.dumps(rows) if a.json else f"{text_table(rows)}\nthe segmenter: {a.out}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
