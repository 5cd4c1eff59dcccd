"""The main job, end to end: simulate, refine, train gaze estimators, measure, report.

Every stage is kept as it finishes; a killed run goes on where it was.
"""

import dataclasses
import hashlib
import shlex
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ..datasets.mpiigaze import read_mpiigaze
from ..evaluation.gaze import PRESETS as GAZE_PRESETS
from ..evaluation.gaze import GazeTrainingConfig, predict_gaze, train_gaze_estimator
from ..evaluation.pupil import pupil_centres
from ..evaluation.realism import feature_network, histogram_matched, identity_collapse, kernel_distance, two_sample_accuracy
from ..gaze import angular_error_deg, calibrated_error_deg
from ..images import ImageSet
from ..networks import Refiner
from ..simulators.camera import stand_in
from ..simulators.eyes import simulate
from ..system.device import resolve_device
from ..system.errors import UserError
from ..training import PRESETS, TrainingConfig, refine
from .runs import Stages, shown_progress, train_refiner

# Modules that no kept number depends on: those that show, and those that bring data, which the fingerprint of the domain covers.
SHOWING = {"__init__", "__main__", "ablations", "checks", "comparison", "failures", "figures", "forgetting", "gaze_records",
           "joining", "notebook", "paper", "pretrained", "records", "report", "results", "results_page", "shipped",
           "summary", "turing", "widgets"}
BRINGING = {"archives", "base", "cifar10", "contact_sheet", "conversion", "downloads", "folder", "image_files", "image_writer",
            "inspection", "kaggle", "matlab", "mpiigaze", "nyu", "release", "safe_pickle", "syntheseyes", "unityeyes"}
TRAINED_ON = ("synthetic", "synthetic_matched", "refined", "oracle")


@dataclass(frozen=True)
class Profile:
    """How large the main job is."""

    training: TrainingConfig
    gaze: GazeTrainingConfig
    synthetic: int                # labelled synthetic images
    real: int                     # unlabelled images of the stand-in domain
    test: int                     # labelled stand-in images to measure on
    compared: int                 # images a side in measures of realism and of the pupil
    refine_from: str = "synthetic_matched"   # what the refiner gets: histogram-matched images, or "synthetic" ones
    match_refined: bool = False   # whether refined images get the gray levels of the unlabelled ones once more


PROFILES = {
    "quick": Profile(PRESETS["quick"], GAZE_PRESETS["quick"], synthetic=8000, real=4000, test=1500, compared=1000),
    # MPIIGaze's equalisation comes last of all, and changes the whole image: a refiner that sees 19 pixels cannot do it.
    "full": Profile(PRESETS["full"], GAZE_PRESETS["full"], synthetic=50_000, real=30_000, test=4000, compared=4000,
                    match_refined=True),
    "paper": Profile(PRESETS["paper"], GAZE_PRESETS["paper"], synthetic=1_200_000, real=214_000, test=20_000,
                     compared=10_000, refine_from="synthetic"),
}


@dataclass(frozen=True)
class Domain:
    """Where the real images come from.  `unlabelled` has had its labels removed; `labelled` is for the oracle alone."""

    name: str
    unlabelled: ImageSet
    labelled: ImageSet
    test: ImageSet

    def mean_answer_error(self):
        """Degrees by which an estimator is wrong that always answers the mean gaze of the test images."""
        gaze = self.test.labels["gaze"]
        return angular_error_deg(gaze.mean(0).expand_as(gaze), gaze).mean().item()


def profile_named(name):
    """The Profile of that name.  UserError, with the names there are, for another."""
    if name not in PROFILES:
        raise UserError(f"unknown profile {name!r}: expected one of {', '.join(PROFILES)}")
    return PROFILES[name]


def stand_in_domain(profile, bar=False):
    """The embedded domain: a part to learn from, and other images, of other days, to measure on."""
    real = stand_in(profile.real, seed=20_001, progress=shown_progress("simulating the stand-in domain", bar))
    return Domain("stand-in", dataclasses.replace(real, labels={}), real, stand_in(profile.test, seed=20_002))


def real_domain(folder, test_days=None):
    """MPIIGaze crops, split by day.  test_days: names of the days kept apart; by default every third day.

    Raises UserError for an unknown day, or if a part would be empty.
    """
    crops = read_mpiigaze(folder)
    names = sorted(set(crops.groups["day"]))
    rest, test = crops.split("day", test_days or names[2::3])
    if not len(rest) or not len(test):
        raise UserError(f"{folder}: {len(names)} days with eyes leave {len(rest)} images to learn from and {len(test)} to "
                        "measure on; both need some")
    return Domain("MPIIGaze", dataclasses.replace(rest, labels={}), rest, test)


def reproduce(profile_name="quick", seeds=1, real=None, test_days=None, device="auto", results="results", bar=True,
              first_seed=0):
    """Run the main job for `seeds` seeds, from `first_seed` on  ->  (folder of the report, metrics).

    real: a folder with MPIIGaze crops instead of the stand-in domain.  Files: results/<profile>[-real]/.
    Raises UserError for bad input.
    """
    profile, device = profile_named(profile_name), resolve_device(device)
    folder = run_folder(results, profile_name, real)
    domain = real_domain(real, test_days) if real else stand_in_domain(profile, bar)
    measured = [Seed(profile, domain, seed, device, folder / f"seed{seed}", bar).measure()
                for seed in range(first_seed, first_seed + seeds)]
    from . import report, summary  # matplotlib is slow to import and of no use to a run that fails before
    metrics = summary.summarise(profile_name, profile, domain, measured, device,
                                command_line(profile_name, seeds, real, test_days, first_seed))
    report.write_report(folder, metrics, summary.pictures(domain, measured, metrics))
    return folder, metrics


def run_folder(results, profile_name, real=None):
    """Where a profile's runs on the stand-in domain, or on real images, keep what they have computed."""
    return Path(results) / (profile_name + ("-real" if real else ""))


def command_line(profile_name, seeds, real, test_days, first_seed=0):
    """What to type for the same run."""
    words = ["python", "-m", "simgan_lib", "reproduce", "--profile", profile_name, "--seeds", str(seeds)]
    words += ["--first-seed", str(first_seed)] if first_seed else []
    words += ["--real", str(real)] if real else []
    return shlex.join(words + (["--test-days", ",".join(test_days)] if test_days else []))


class Seed:
    """All measurements of one seed.  Data of the domain are the same for all seeds; all that is drawn or trained is not.

    folder: results of stages are kept there.  `timed` runs a stage, or finds what it gave.
    """

    def __init__(self, profile, domain, seed, device, folder, bar):
        self.profile, self.domain, self.seed, self.device, self.bar = profile, domain, seed, device, bar
        self.keep = Stages(folder, {"profile": dataclasses.asdict(profile), "seed": seed, "code": code_digest(),
                                    "device": device.type, "domain": fingerprint(domain)})
        self.seconds = {}

    def measure(self):
        """A nested dict of plain numbers and tensors: what the report is made of."""
        trained, sets = self.training_sets()
        synthetic, matched, refined = (sets[name] for name in TRAINED_ON[:3])
        entering = sets[self.profile.refine_from]
        gaze = {name: self.timed(f"gaze-{name}", partial(self.gaze, name, images)) for name, images in sets.items()}
        pupil = self.timed("pupil", lambda: self._pupil(synthetic, refined))
        realism = self.timed("realism", lambda: self._realism(synthetic, matched, entering, refined))
        shown = slice(0, 24)
        return {"seed": self.seed, "gaze": gaze, "pupil": pupil, "realism": realism, "records": trained["records"],
                "snapshots": trained["snapshots"], "seconds": self.seconds,
                "shown": {"synthetic": synthetic.images[shown], "refined": refined.images[shown],
                          "matched": matched.images[shown], "real": self._spread(self.domain.test.images, 24)},
                "compared": {"synthetic": synthetic.images[:1000], "refined": refined.images[:1000],
                             "real": self._spread(self.domain.test.images, 1000)}}

    def training_sets(self):
        """(the trained refiner's state and history, {name in TRAINED_ON: ImageSet with gaze labels})."""
        start = time.perf_counter()
        synthetic = simulate(self.profile.synthetic, seed=1000 + self.seed, progress=self._bar("simulating eyes"))
        matched = self.matched(synthetic)
        self.seconds["simulation"] = time.perf_counter() - start
        entering = {"synthetic": synthetic, "synthetic_matched": matched}[self.profile.refine_from]
        trained = self.timed("refiner", lambda: self._train(entering))
        self.seconds["refiner"] = trained["seconds"]           # all parts of an interrupted training
        start = time.perf_counter()
        refined = self.refined(entering, trained)
        self.seconds["refining"] = time.perf_counter() - start
        return trained, dict(zip(TRAINED_ON, (synthetic, matched, refined, self.domain.labelled)))

    def timed(self, name, compute):
        """The result of `compute()`, kept under this name; its cost goes to `seconds`, be it computed now or kept."""
        def timed():
            start = time.perf_counter()
            return {"result": compute(), "seconds": time.perf_counter() - start}
        kept = self.keep(name, timed)
        self.seconds[name] = kept["seconds"]
        return kept["result"]

    def _train(self, synthetic):
        path = self.keep.path("training")
        done = train_refiner(path, self.profile.training, synthetic, self.domain.unlabelled, self.seed, self.device,
                             bar=self.bar)
        return {"refiner": done.refiner.state_dict(), "records": done.records, "snapshots": done.snapshots,
                "seconds": done.seconds}

    def _bar(self, name):
        return shown_progress(name, self.bar)

    def matched(self, images):
        """The images with the gray levels of the unlabelled ones."""
        return dataclasses.replace(images, images=histogram_matched(images, self.domain.unlabelled))

    def refined(self, synthetic, trained):
        """The images through the trained refiner, and, where the profile says so, matched once more."""
        c = self.profile.training
        refiner = Refiner(synthetic.images.shape[1], c.width, c.blocks, noise=c.noise, residual=c.residual)
        refiner = refiner.to(self.device, memory_format=torch.channels_last)
        refiner.load_state_dict(trained["refiner"])
        refined = refine(refiner, synthetic, progress=self._bar("refining"), seed=self.seed)
        return self.matched(refined) if self.profile.match_refined else refined

    def gaze(self, name, images):
        """{"errors", "calibrated"}: degrees (N,) on the test images of a gaze estimator trained on the images."""
        estimator = train_gaze_estimator(images, self.profile.gaze, self.seed, self.device,
                                         progress=self._bar(f"gaze estimator on {name}"))
        predicted, truth = predict_gaze(estimator, self.domain.test), self.domain.test.labels["gaze"]
        return {"errors": angular_error_deg(predicted, truth), "calibrated": calibrated_error_deg(predicted, truth)}

    def _pupil(self, synthetic, refined):
        part = slice(0, self.profile.compared)
        before = pupil_centres(synthetic.images[part], self._bar("pupils, before"))
        after = pupil_centres(refined.images[part], self._bar("pupils, after"))
        return {"shifts": after - before, "own": before - synthetic.labels["pupil"][part]}

    def _realism(self, synthetic, matched, entering, refined):
        n, test, bar = self.profile.compared, self.domain.test, self._bar("realism")
        bar(0, 5)
        network = feature_network([synthetic, self.domain.unlabelled], self.seed, device=self.device)
        last = {name: images.images[-n:] for name, images in
                (("synthetic", synthetic), ("synthetic_matched", matched), ("refined", refined))}
        days = set(test.groups.get("day", []))
        by = "day" if len(days) > 1 else None         # one day cannot be split into two
        bar(1, 5)
        measured = {"kernel_distance": {k: kernel_distance(network, v, test)[0] for k, v in last.items()},
                    "two_sample_accuracy": {}}
        for done, (name, images) in enumerate(last.items(), 2):
            told = two_sample_accuracy(images, test, self.seed, by, device=self.device)
            measured["two_sample_accuracy"][name] = told["accuracy"]
            bar(done, 5)
        results = {"synthetic": last["synthetic"], "histogram_matched": last["synthetic_matched"], "refined": last["refined"]}
        measured["collapse"] = identity_collapse(entering.images[-n:], results, test.images)
        bar(5, 5)
        return measured

    @staticmethod
    def _spread(images, n):
        """n images evenly spread over the set (its days stand one after the other), or all if there are fewer."""
        return images[torch.linspace(0, len(images) - 1, min(n, len(images))).long()]


def fingerprint(domain):
    """What the domain's results depend on: a digest of all pixels, gaze labels and days, and which are kept apart."""
    digest = hashlib.sha256()
    for part in (domain.labelled, domain.test):
        for values in (part.images, part.labels["gaze"]):
            digest.update(str(tuple(values.shape)).encode())
            digest.update(values.contiguous().numpy().tobytes())
        digest.update("\n".join(part.groups.get("day", [])).encode())
    return [domain.name, digest.hexdigest()]


def code_digest():
    """Digest of the modules that results depend on: a result of older code is not taken for one of today's."""
    here, left_out = Path(__file__).parents[1], SHOWING | BRINGING
    files = [file for file in sorted(here.rglob("*.py")) if left_out.isdisjoint(file.relative_to(here).with_suffix("").parts)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
