"""One seed of the main job, stage by stage: simulate, match, refine, train gaze estimators, measure.

Every stage is kept as it finishes; a killed run goes on where it was.
"""

import dataclasses
import itertools
import math
import time
from functools import cached_property, partial

import torch

from ..evaluation.gaze import predict_gaze, train_gaze_estimator
from ..evaluation.judges import feature_network
from ..evaluation.methods import METHODS, train_method
from ..evaluation.pupil import pupil_centres
from ..evaluation.realism import identity_collapse, kernel_distance, two_sample_accuracy
from ..gaze import angular_error_deg, calibrated_error_deg
from ..images import ImageSet
from ..matching import histogram_matched
from ..simulators.eyes import simulate
from ..simulators.parameters import PRIORS
from ..system.side_by_side import side_by_side, workers_for
from ..training import refine
from .domains import fingerprint
from .provenance import code_digest
from .record_lines import expect
from .runs import Stages, check_numbers, shown_progress, train_refiner

LARGER = ("synthetic", "synthetic_matched", "refined")
TRAINED_ON = (*LARGER, "oracle")
NOT_AGAIN = "refined_as_they_are"      # refined images before they are matched once more, where a profile does that
TIMES = 4                 # as many synthetic images, as in the paper's Table 2


class SeedRun:
    """All measurements of one seed.  Data of the domain are the same for all seeds; all that is drawn or trained is not.

    folder: results of stages are kept there.  `timed` runs a stage, or finds what it gave.
    """

    def __init__(self, profile, domain, seed, device, folder, bar):
        self.profile, self.domain, self.seed, self.device, self.bar = profile, domain, seed, device, bar
        self.keep = Stages(folder, {"profile": profile.described(), "seed": seed, "code": code_digest(),
                                    "device": device.type, "domain": fingerprint(domain)})
        self.seconds = {}

    def measure(self):
        """A nested dict of plain numbers and tensors: what the report is made of."""
        trained, sets = self.training_sets(not_again=self.profile.match_refined)
        synthetic, matched, refined = (sets[name] for name in TRAINED_ON[:3])
        entering = sets[self.profile.refine_from]
        at_once = workers_for(len(sets), torch.get_num_threads()) if self.device.type == "cpu" else 1
        gaze = side_by_side({name: partial(self._timed_gaze, at_once, name, images) for name, images in sets.items()}, self.device)
        pupil = self.timed("pupil", lambda: self._pupil(synthetic, refined), self._check_pupil)
        realism = self.timed("realism", lambda: self._realism(synthetic, matched, entering, refined), check_numbers)
        shown = slice(0, 24)
        return {"seed": self.seed, "gaze": gaze, "pupil": pupil, "realism": realism, "records": trained["records"],
                "snapshots": trained["snapshots"], "seconds": self.seconds,
                "shown": {"synthetic": synthetic.images[shown], "refined": refined.images[shown],
                          "matched": matched.images[shown], "real": self._spread(self.domain.test.images, 24)},
                "compared": {"synthetic": synthetic.images[:1000], "refined": refined.images[:1000],
                             "real": self._spread(self.domain.test.images, 1000)}}

    def training_sets(self, not_again=False):
        """(the trained refiner's state and history, {name in TRAINED_ON: ImageSet with gaze labels}).

        not_again: with one set more, NOT_AGAIN, refined images as the refiner leaves them.
        """
        start = time.perf_counter()
        synthetic = self.simulated()
        matched = self.matched(synthetic)
        self.seconds["simulation"] = time.perf_counter() - start
        entering = {"synthetic": synthetic, "synthetic_matched": matched}[self.profile.refine_from]
        trained = self.timed("refiner", lambda: self._train(entering), partial(self._check_trained, entering))
        self.seconds["refiner"] = trained["seconds"]           # all parts of an interrupted training
        start = time.perf_counter()
        as_they_are = self.refined_once(entering, trained)
        refined = self.matched_again(as_they_are)
        self.seconds["refining"] = time.perf_counter() - start
        sets = dict(zip(TRAINED_ON, (synthetic, matched, refined, self.domain.labelled)))
        return trained, sets | ({NOT_AGAIN: as_they_are} if not_again else {})

    def simulated(self):
        """The synthetic eyes that all begins with."""
        return self._eyes(self.profile.synthetic, 1000 + self.seed, "simulating eyes")

    def _eyes(self, n, seed, said):
        return simulate(n, seed=seed, prior=PRIORS[self.profile.simulator], progress=self._bar(said))

    def timed(self, name, compute, check, at_once=1):
        """The result of `compute()`, kept under this name; its cost goes to `seconds`, be it computed now or kept.

        check: of a kept result, as for `Stages`.  at_once: stages side by side, each of which costs its share of the time.
        """
        def timed():
            start = time.perf_counter()
            return {"result": compute(), "seconds": (time.perf_counter() - start) / at_once}

        def check_timed(kept):
            check(kept["result"])
            check_numbers(float(kept["seconds"]))
        kept = self.keep(name, timed, check_timed)
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
        return self.matched_again(self.refined_once(synthetic, trained))

    def refined_once(self, synthetic, trained):
        """The images through the trained refiner, as it leaves them."""
        return refine(self._refiner(synthetic, trained), synthetic, progress=self._bar("refining"), seed=self.seed)

    def matched_again(self, refined):
        """Refined images with the gray levels of the unlabelled ones, where the profile says so; else as they are."""
        return self.matched(refined) if self.profile.match_refined else refined

    def _refiner(self, synthetic, trained):
        refiner = self.profile.training.refiner(synthetic.images.shape[1])
        refiner = refiner.to(self.device, memory_format=torch.channels_last)
        refiner.load_state_dict(trained["refiner"])
        return refiner

    # ---- whether a kept result can be one: others raise ----
    def _check_trained(self, entering, trained):
        self._refiner(entering, trained)
        check_numbers([trained[name] for name in ("refiner", "records", "snapshots", "seconds")])

    def _check_gaze(self, found, names=("errors", "calibrated")):
        for degrees in map(found.get, names):
            expect(tuple(degrees.shape) == (len(self.domain.test),), f"{len(self.domain.test)} errors", tuple(degrees.shape))
            check_numbers(degrees, lambda number: 0 <= number <= 180)

    def _check_pupil(self, found):
        for shifts in (found["shifts"], found["own"]):
            expect(shifts.shape[1:] == (2,), "shifts in x and y", tuple(shifts.shape))
            check_numbers(shifts, lambda number: not math.isinf(number))           # NaN: no pupil was found

    def _timed_gaze(self, at_once, name, images, go_on):
        return self.timed(f"gaze-{name}", partial(self.gaze, name, images, go_on), self._check_gaze, at_once)

    def gaze(self, name, images, go_on=lambda: None):
        """{"errors", "calibrated"}: degrees (N,) on the test images of gaze estimators trained on the images, averaged over them.

        go_on: called after each step.
        """
        each = [self._errors(name, images, self.seed + 1000 * number, go_on) for number in range(self.profile.estimators)]
        return {measure: torch.stack([found[measure] for found in each]).mean(0) for measure in each[0]}

    def _errors(self, name, images, seed, go_on):
        bar = self._bar(f"gaze estimator on {name}")

        def progress(done, total):
            bar(done, total)
            go_on()
        estimator = train_gaze_estimator(images, self.profile.gaze, seed, self.device, progress)
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


# ---- more images, other methods: what `gaze_methods` studies ----
def subject_of(method, training_set, times=1):
    """What an estimator is called in records.

    >>> subject_of("cnn", "refined", 4), subject_of("svr", "refined")
    ('refined_4x', 'svr:refined')
    """
    return ("" if method == "cnn" else f"{method}:") + training_set + (f"_{times}x" if times > 1 else "")


class StudySeed(SeedRun):
    """One seed of the study.  The 4x sets hold the 1x set and three times as many other eyes, refined by its refiner."""

    def estimators(self):
        """Yield (subject, number of images trained on, errors in degrees (N,), seconds) of each estimator."""
        self.trained, self.sets = self.training_sets()
        for name, images in self.sets.items():
            yield self._estimator(name, f"gaze-{name}", len(images), partial(self.gaze, name, images), self._check_gaze)
        for name in LARGER:
            subject = subject_of("cnn", name, TIMES)
            yield self._estimator(subject, f"gaze-{subject}", TIMES * self.profile.synthetic, partial(self._larger, name),
                                  self._check_gaze)
        for method, (name, images) in itertools.product(METHODS, self.sets.items()):
            number = min(len(images), METHODS[method].most or len(images))
            yield self._estimator(subject_of(method, name), f"{method}-{name}", number, partial(self._method, method, images),
                                  partial(self._check_gaze, names=["errors"]))

    def _estimator(self, subject, stage, images, measure, check):
        return subject, images, self.timed(stage, measure, check)["errors"], self.seconds[stage]

    def _method(self, method, training):
        test = self.domain.test
        return {"errors": angular_error_deg(train_method(method, training, self.seed)(test), test.labels["gaze"])}

    def _larger(self, name):
        images = self._more_refined if name == "refined" else self._more[name]
        return self.gaze(f"{name}, {TIMES}x", images)

    @cached_property
    def _more(self):
        """{"synthetic", "synthetic_matched"}: made when the first stage needs them, and only then."""
        eyes = self._eyes((TIMES - 1) * self.profile.synthetic, 30_000 + self.seed, "more eyes")
        more = {"synthetic": eyes, "synthetic_matched": self.matched(eyes)}
        return {name: ImageSet.concatenated([self.sets[name], images]) for name, images in more.items()}

    @cached_property
    def _more_refined(self):
        return self.refined(self._more[self.profile.refine_from], self.trained)
