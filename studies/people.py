"""Does refinement help on several real people?  On the middles of MPIIGaze's crops, split by person.

    python studies/people.py [--real FILE] [--seed 0] [--quick] [--results DIR] [--record FILE] [--json]

FILE (.npz) holds the middle 9x15 pixels (rows 13..21, columns 22..36) of MPIIGaze's 36x60 crops, uint8 `images` (N, 9, 15), with
`gaze` (pitch, yaw) in radians (N, 2), `subject` (N,) and `day` (N,); right eyes are mirrored.  By default the first such file of
MPIIGaze_windows/ in the folder that SIMGAN_SAMPLES names, or in ../shared/data.  Without a real file: --real stand-in, whose
people are the kit's own; the settings below were chosen there, and on no label of a real image.

People are dealt into five folds, or as many as there are people if they are fewer.  Those of a fold are tested by what was
learned from the others: a refiner from their windows without labels, and, for *other people's*, an estimator from their labels.
Simulated eyes are cut alike: raw; matched, their whole crop equalised first, as MPIIGaze's crops are; refined, from matched; and
refined from raw, as the paper does, of `people` alone.
`one` are the simulator's people as the main job has them, made after the crops of p00, whose range of labels was known.  `people`
was fitted to the windows of the ten people of the default file, without labels.  So only people of another file are new to both.
`wide` is the paper's situation.  All three: `parameters.PRIORS`.
Each answer is the mean of five estimators, all trained alike.  A person's error is the mean over that person's images; the table
has the mean over people, its 95 % interval over people by Student's t, and differences taken person by person.
About an hour on one CPU core for ten people.  --results keeps what is finished, each image's answer among it.
"""

import hashlib
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))         # stand_in, beside this file
sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit, installed or not
from stand_in import samples

from simgan_lib.evaluation.gaze import GazeTrainingConfig, answers_of, train_gaze_estimator
from simgan_lib.experiments.people_page import HEAD, MEASURE, OTHERS, people_rows
from simgan_lib.experiments.provenance import about, code_digest
from simgan_lib.experiments.records import add, check_addable, row, run_line
from simgan_lib.experiments.runs import Stages, check_numbers, train_refiner
from simgan_lib.experiments.tables import markdown_table
from simgan_lib.gaze import angular_error_deg, gaze_angles
from simgan_lib.images import ImageSet, check_labels
from simgan_lib.simulators.camera import CROP, PEOPLE_WILD, equalised, stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.parameters import PRIORS
from simgan_lib.system.digests import images_digest
from simgan_lib.system.errors import GOES_ON, UserError, exit_status
from simgan_lib.system.settings import SEED, Parser, text
from simgan_lib.training import TrainingConfig, refine

ROWS, COLUMNS = slice(13, 22), slice(22, 37)           # of a crop: its window
SIZE = (9, 15)
FOLDS, ESTIMATORS = 5, 5
TRAINING = TrainingConfig(steps=300, width=32, features="identity", regularization=0.2, edges="reflect")
GAZE = GazeTrainingConfig(steps=1200, shift=0)
EYES = 8000               # simulated, for each training set
STAND_IN = "stand-in"


def windows(crops):
    """The windows of an ImageSet of whole crops; of its labels gaze alone."""
    return ImageSet(crops.images[:, :, ROWS, COLUMNS].contiguous(), {"gaze": crops.labels["gaze"]}, crops.groups, crops.source)


def read_windows(path):
    """ImageSet of a file of windows, with the groups subject and day.  UserError for another file.  Empty images are left out."""
    try:
        with np.load(path, allow_pickle=False) as file:
            images, gaze, subject, day = (file[name] for name in ("images", "gaze", "subject", "day"))
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
        raise UserError(f"{path}: expected arrays images, gaze, subject and day (.npz): {error}") from error
    if images.dtype != np.uint8 or images.shape[1:] != SIZE or not len(images) == len(gaze) == len(subject) == len(day):
        raise UserError(f"{path}: expected uint8 images (N, {SIZE[0]}, {SIZE[1]}) and as many gaze, subject and day, found "
                        f"{images.dtype} {images.shape} and {len(gaze)}, {len(subject)}, {len(day)}")
    if any(numbers.ndim != 1 or numbers.dtype.kind not in "iu" for numbers in (subject, day)):
        raise UserError(f"{path}: expected whole numbers (N,) as subject and day, found {subject.dtype} {subject.shape} and "
                        f"{day.dtype} {day.shape}")
    seen = images.any((1, 2))
    groups = {"subject": [f"p{number:02d}" for number in subject], "day": [f"day{number:02d}" for number in day]}
    found = ImageSet(torch.from_numpy(images)[:, None], {"gaze": torch.from_numpy(gaze).float()}, groups, Path(path).name)[seen]
    check_labels(found, path)
    return found


def default_file():
    folder = samples() / "MPIIGaze_windows"
    for path in sorted(folder.glob("*.npz")):
        return path
    raise UserError(f"{folder}: expected a file of windows (.npz), found none; --real names one, --real {STAND_IN} needs none")


def digest(images):
    """What a study's results depend on: pixels, labels, and who they are of."""
    whose = "\n".join(np.asarray(images.groups["subject"]).tolist())
    return hashlib.sha256(f"{images_digest(images.images)} {images_digest(images.labels['gaze'])} {whose}".encode()).hexdigest()


def folds(people):
    """[(names tested on, names learned from), ...]: each person is tested once."""
    number = min(FOLDS, len(people))
    if number < 2:
        raise UserError(f"people: expected at least 2, to learn from one and test on another, found {len(people)}")
    parts = [people[i::number] for i in range(number)]
    return [(part, [name for name in people if name not in part]) for part in parts]


class Study:
    """One seed on one set of people.  Finished parts are kept in a folder."""

    def __init__(self, real, seed, results, quick=False):
        self.real, self.seed = real, seed
        self.training, self.gaze, self.eyes, self.ensemble = TRAINING, GAZE, EYES, ESTIMATORS
        if quick:
            self.training, self.gaze = replace(TRAINING, steps=10, refiner_warmup=10), replace(GAZE, steps=20)
            self.eyes, self.ensemble = 300, 2
        self.job = {"training": self.training.described(), "gaze": self.gaze.described(), "eyes": self.eyes,
                    "ensemble": self.ensemble, "data": digest(real)}
        self.keep = Stages(Path(results) / f"seed{seed}", self.job | {"seed": seed, "code": code_digest()})
        subjects = np.asarray(real.groups["subject"])
        self.people = sorted(set(subjects.tolist()))
        self.folds = [tuple(torch.from_numpy(np.isin(subjects, names)) for names in fold) for fold in folds(self.people)]

    def errors(self):
        """Yield (training set, degrees (N,) of each image), one at a time; no image is judged by a network that saw its person."""
        truth = self.real.labels["gaze"]
        for name, mean in self.means().items():
            yield name, angular_error_deg(mean, truth)
        for name, made in self.training_sets().items():
            answers = self.answers(name, made) if isinstance(made, ImageSet) else self.by_fold(name, made)
            yield name, angular_error_deg(gaze_angles(answers), truth)

    def means(self):
        """{name: gaze (N, 2)} of who always answers a mean: that of the person tested, or of those learned from."""
        gaze = self.real.labels["gaze"]
        own, others = torch.empty_like(gaze), torch.empty_like(gaze)
        for tested, known in self.folds:
            others[tested] = gaze[known].mean(0)
        for name in self.people:
            images = torch.from_numpy(np.asarray(self.real.groups["subject"]) == name)
            own[images] = gaze[images].mean(0)
        return {"always the person's own mean": own, "always other people's mean": others}

    def training_sets(self):
        """{name: the set to train on, or the function that makes it of the people learned from and the number of their fold}."""
        sets = {}
        for who, prior in PRIORS.items():
            crops = simulate(self.eyes, 1000 + self.seed, CROP, prior=prior)
            matched = windows(replace(crops, images=equalised(crops.images)))
            sets |= {f"raw, {who}": windows(crops), f"matched, {who}": matched,
                     f"refined, {who}": partial(self.refined, matched, who)}
            if who == "people":        # added when the first rows were known: the paper's refiner gets raw images
                sets[f"refined from raw, {who}"] = partial(self.refined, windows(crops), f"{who}-raw")
        there = windows(stand_in(self.eyes, 3000 + self.seed, CROP, prior=PEOPLE_WILD))
        return sets | {"stand-in's, with labels": there, OTHERS: lambda known, fold: known}

    def refined(self, eyes, who, known, fold):
        """The eyes through a refiner that learned from the images of the known people, without their labels."""
        done = train_refiner(self.keep.path(f"training-{who}-{fold}"), self.training, eyes, replace(known, labels={}), self.seed,
                             bar=False)
        return refine(done.refiner, eyes, seed=self.seed)

    def by_fold(self, name, made):
        """`answers` (N, 3), each person's from the fold that tests on it."""
        answers = torch.empty(len(self.real), 3)
        for fold, (tested, known) in enumerate(self.folds):
            answers[tested] = self.answers(f"{name}, fold {fold}", partial(made, self.real[known], fold))[tested]
        return answers

    def answers(self, name, made):
        """Unit gaze vectors (N, 3) for all images, mean of the estimators'; kept under this name."""
        def compute():
            training = made if isinstance(made, ImageSet) else made()
            seeds = range(100 * self.seed, 100 * self.seed + self.ensemble)
            each = (answers_of(train_gaze_estimator(training, self.gaze, seed), self.real) for seed in seeds)
            return sum(torch.nn.functional.normalize(answer, dim=1) for answer in each) / self.ensemble
        return self.keep(name, compute, check_numbers)


def by_person(errors, subjects):
    """{person: mean of errors (N,)}."""
    subjects = np.asarray(subjects)
    return {str(name): errors[torch.from_numpy(subjects == name)].mean().item() for name in np.unique(subjects)}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=text, metavar="FILE", help=f"a file of windows (.npz), or {STAND_IN}")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument("--quick", action="store_true", help="few eyes and rounds: to see that it runs")
    parser.add_argument("--results", type=text, default="results/people", metavar="DIR", help="where finished parts are kept")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    if a.real == STAND_IN:
        real = windows(stand_in(6000, 20_005, CROP, prior=PEOPLE_WILD, people=10))
    else:
        real = read_windows(a.real or default_file())
    study = Study(real, a.seed, a.results, a.quick)
    print(f"{real.source}: {len(real):,} windows of {', '.join(study.people)}", file=sys.stderr)
    asked = (f" --real {STAND_IN if a.real == STAND_IN else 'FILE'}" if a.real else "") + a.quick * " --quick"
    domain = STAND_IN if a.real == STAND_IN else f"MPIIGaze windows, {study.people[0]} to {study.people[-1]}"
    run = run_line("people", "quick" if a.quick else "full", domain, study.job, images={"test": len(real)},
                   **about(torch.device("cpu"), f"python studies/people.py --seed {a.seed}{asked}"))
    if a.record:
        check_addable(a.record, run, [a.seed])
    found = {}
    for name, errors in study.errors():
        found[name] = by_person(errors, real.groups["subject"])
        print(f"{name:32}{np.mean(list(found[name].values())):8.2f}", file=sys.stderr)
    if a.record:
        add(a.record, run, [row(a.seed, name, MEASURE + person, degrees)
                            for name, people in found.items() for person, degrees in people.items()])
    print(json.dumps(found) if a.json else markdown_table(HEAD, people_rows(found)))


if __name__ == "__main__":
    raise SystemExit(exit_status(main, GOES_ON))
