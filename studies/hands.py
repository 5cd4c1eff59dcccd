"""Do refined depth images of hands train a better pose estimator?  The paper's Table 4, on the stand-in real domain.

    python studies/hands.py [--profile small] [--seeds 3] [--first 0] [--nyu DIR] [--device auto] [--results DIR] [--record FILE]
                            [--json]

Stand-in hands are of other people before other backdrops, seen by a structured-light camera; nothing trains on their labels
but what is called real.  All estimators are alike, learn for as many steps, and are tested on stand-in hands of new people.
  synthetic, refined           simulated hands, and what the refiner makes of them
  synthetic 3x, refined 3x     three times as many (the paper's: of three views)
  refined without history      the refiner trained without its buffer: the paper's ablation on hands
  synthetic by the camera      the same simulated hands seen by the stand-in's camera: what a perfect refiner would give
  ..., nothing behind          the same without the body that the cube shows behind some hands: no local change paints that
  real                         stand-in hands with their labels: the bound; they have the stand-in's people and poses, too
  ..., 100 real labels         fine-tuned with 100 labelled stand-in hands: a row that the paper lacks
  100 real labels alone        an estimator that sees nothing else, for as many steps as the synthetic one (a fifth less than
                               it and its fine-tuning)
joint_error_mm             mean distance of joints in space
max_within_5_heat_map_px   % of the test hands whose largest joint error is at most 5 of 64 pixels across the crop, 23.4 mm
                           there: the paper's measure as `evaluation.hands` reads it; its curve goes from 0 to 15 pixels
curve_mean_percent         the mean height of that curve
joint_error_mm_person_1    the same on NYU's three persons apart, of whom the first was trained on
Where the hands and their joints are after refining: hand_kept_percent, painted_percent, joints_kept_percent and
joint_depth_mm, see `evaluation.hands.kept_in_place`.  What the camera itself keeps: docs/refiners.md, `hand`.
Mean and 95 % interval over seeds of the simulated hands, the networks and the batches; the stand-in hands stay.
--nyu takes NYU's training and test frames of the first camera in place of the stand-in hands, where the release is at hand.
--results keeps refined hands.  --record adds the numbers to a file of records.
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.datasets.nyu import CUBES, read_nyu
from simgan_lib.evaluation.hands import crop_errors_mm, crop_errors_px, error_curve, kept_in_place
from simgan_lib.evaluation.pose import PRESETS as POSE_PRESETS
from simgan_lib.evaluation.pose import PoseTrainingConfig, predict_pose, train_pose_estimator
from simgan_lib.evaluation.statistics import interval
from simgan_lib.experiments.provenance import about, code_digest
from simgan_lib.experiments.records import add, check_addable, row, run_line
from simgan_lib.experiments.runs import Stages, train_refiner
from simgan_lib.images import ImageSet
from simgan_lib.simulators.hand_prior import draw_hands
from simgan_lib.simulators.hands import simulate_hands
from simgan_lib.simulators.stand_in_hands import ALONE, BACKDROP, photographed, stand_in_hands
from simgan_lib.system.device import resolve_device
from simgan_lib.system.digests import images_digest
from simgan_lib.system.errors import GOES_ON, exit_status
from simgan_lib.system.run_file import RunFile
from simgan_lib.system.settings import COUNT, SEED, SEEDS, OneOf, Parser, Settings, Whole, text
from simgan_lib.training import HAND_PRESETS, TrainingConfig, refine

TIMES = 3                 # as many hands in the rows 3x
LABELS = 100              # real ones, to fine-tune with
WITHIN = tuple(range(16)) # heat-map pixels at which records have the curve


@dataclass(frozen=True)
class Scale(Settings):
    """How much of everything."""

    side: Whole(32, 512)       # of an image, px
    synthetic: COUNT           # hands of the rows 1x
    real: COUNT                # unlabelled stand-in hands for the refiner; labelled for the row real
    test: COUNT
    training: TrainingConfig
    pose: PoseTrainingConfig
    tuning: PoseTrainingConfig


def scale(side, synthetic, real, test, training, pose):
    """Fine-tuning: a fifth of the steps, with a fifth of the learning rate."""
    tuning = replace(pose, steps=max(1, pose.steps // 5), learning_rate=pose.learning_rate / 5)
    return Scale(side, synthetic, real, test, training, pose, tuning)


SCALES = {
    "quick": scale(96, 200, 200, 100, replace(HAND_PRESETS["quick"], steps=6, refiner_warmup=6, buffer=64),
                   replace(POSE_PRESETS["quick"], steps=20)),
    "small": scale(96, 3000, 3000, 2000, replace(HAND_PRESETS["quick"], steps=1500), replace(POSE_PRESETS["quick"], steps=2000)),
    "full": scale(224, 25_000, 70_000, 8000, HAND_PRESETS["full"], POSE_PRESETS["full"]),
}


class Bench:
    """The hands of one seed, and what is made of them.  keep: `Stages`."""

    def __init__(self, scale, seed, real, device, keep):
        self.scale, self.seed, self.real, self.device, self.keep = scale, seed, real, device, keep
        size = (scale.side, scale.side)
        self.synthetic = simulate_hands(TIMES * scale.synthetic, seed=80_000 + seed, size=size)
        drawn = draw_hands(TIMES * scale.synthetic, torch.Generator().manual_seed(80_000 + seed)).chunk(slice(scale.synthetic))
        self.by_camera, self.alone = (photographed(drawn, torch.Generator().manual_seed(90_000 + seed), size, backdrop=behind)
                                      for behind in (BACKDROP, ALONE))

    def refined(self, name, **changes):
        """All synthetic hands, refined by a refiner that `changes` of the training made; a killed training goes on."""
        run = self.keep.path(f"{name}-{self.seed}-training")

        def made():
            config, unlabelled = replace(self.scale.training, **changes), replace(self.real, labels={})
            trained = train_refiner(run, config, self.synthetic, unlabelled, self.seed, self.device)
            return refine(trained.refiner, self.synthetic, seed=self.seed).images
        images = self.keep(f"{name}-{self.seed}", made, self._check)
        RunFile(run).remove()                              # as large as its history
        return replace(self.synthetic, images=images)

    def _check(self, images):
        ImageSet(images, self.synthetic.labels)

    def training_sets(self):
        """{what an estimator is trained on: ImageSet}."""
        once = slice(self.scale.synthetic)
        refined = self.refined("refined")
        return {"synthetic": self.synthetic[once], "refined": refined[once], "synthetic 3x": self.synthetic, "refined 3x": refined,
                "refined without history": self.refined("without-history", buffer=0)[once],
                "synthetic by the camera": self.by_camera, "synthetic by the camera, nothing behind": self.alone,
                "real": self.real}

    def answers(self, test):
        """Yield (what an estimator was trained on, its answers for the test hands (N, 14, 3))."""
        few, estimators = self.real[:: max(1, len(self.real) // LABELS)][:LABELS], {}
        for name, hands in self.training_sets().items():
            estimators[name] = train_pose_estimator(hands, self.scale.pose, self.seed, self.device)
            yield name, predict_pose(estimators[name], test)
        for name in ("synthetic", "refined"):
            tuned = train_pose_estimator(few, self.scale.tuning, self.seed, self.device, start=estimators[name])
            yield f"{name}, {LABELS} real labels", predict_pose(tuned, test)
        yield f"{LABELS} real labels alone", predict_pose(train_pose_estimator(few, self.scale.pose, self.seed, self.device), test)

    def rows(self, test):
        """The measurements of this seed."""
        start, rows = time.perf_counter(), []
        for name, joints in self.answers(test):
            rows += self._judged(name, joints, test)
        for name, refined in (("refined", self.refined("refined")),
                              ("refined without history", self.refined("without-history", buffer=0))):
            rows += [row(self.seed, name, measure, value) for measure, value in kept_in_place(self.synthetic, refined).items()]
        return [*rows, row(self.seed, "all", "seconds", time.perf_counter() - start)]

    def _judged(self, name, joints, test):
        mm, curve = crop_errors_mm(joints, test), error_curve(crop_errors_px(joints, test), WITHIN)
        who = np.asarray(test.groups["person"])
        apart = {f"joint_error_mm_person_{each}": mm[who == each] for each in np.unique(who) if each in CUBES}
        means = {"joint_error_mm": mm, **apart}
        return [*(row(self.seed, name, measure, each.mean(), len(each)) for measure, each in means.items()),
                row(self.seed, name, "max_within_5_heat_map_px", curve[WITHIN.index(5)], len(test), curve=curve.round(3).tolist()),
                row(self.seed, name, "curve_mean_percent", curve.mean(), len(test))]


def table(rows):
    """Lines: each measure of each subject, mean and interval over seeds."""
    values = {}
    for line in rows:
        values.setdefault((line["subject"], line["measure"]), []).append(line["value"])
    for (subject, measure), found in values.items():
        over = interval(found)
        reach = f" [{over['low']:.3f}, {over['high']:.3f}]" if over["n"] > 1 else ""
        print(f"{subject:40} {measure:26} {over['mean']:8.3f}{reach}")


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", type=OneOf(SCALES), default="small", help=f"how much of everything: {', '.join(SCALES)}")
    parser.add_argument("--seeds", type=SEEDS, default=3)
    parser.add_argument("--first", type=SEED, default=0, help="the first seed: to spread them over processes")
    parser.add_argument("--nyu", type=text, metavar="DIR", help="NYU's release in place of the stand-in domain")
    parser.add_argument("--device", type=text, default="auto")
    parser.add_argument("--results", type=text, default="results/hands", metavar="DIR", help="where finished stages are kept")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    device, scale, seeds = resolve_device(a.device), SCALES[a.profile], range(a.first, a.first + a.seeds)
    asked = f"--profile {a.profile} --seeds {a.seeds}" + f" --first {a.first}" * (a.first > 0) + " --nyu DIR" * bool(a.nyu)
    run = run_line("hands", a.profile, "NYU" if a.nyu else "stand-in hands", scale.described(), within=WITHIN,
                   **about(device, f"python studies/hands.py {asked}"))
    if a.record:
        check_addable(a.record, run, seeds)
    size, rows = (scale.side, scale.side), []
    if a.nyu:
        real, test = (read_nyu(a.nyu, part, views=[1], size=size) for part in ("train", "test"))
    else:
        real, test = stand_in_hands(scale.real, 21_001, size), stand_in_hands(scale.test, 21_002, size)
    keep = Stages(a.results, scale.described() | {"code": code_digest(), "device": device.type, "real": images_digest(real.images)})
    for seed in seeds:
        more = Bench(scale, seed, real, device, keep).rows(test)
        rows += more
        if a.record:
            add(a.record, run, more, seeds)
    if a.json:
        print(json.dumps(rows))
        return
    table(rows)


if __name__ == "__main__":
    raise SystemExit(exit_status(main, GOES_ON))
