"""How much do more images help, and how much another method?  The paper's two tables on gaze, as records.

Each record is one estimator over all seeds: its method, what it was trained on, how wrong it is.  The refiner and the networks
trained on 1x data are the stages of `reproduce`, in the same folder: what one has computed, the other finds.
Paper: Table 2 and Figure 7 (more images), Table 3 (methods).  Taught in: notebook 09.
"""

import itertools
from collections import defaultdict
from functools import cached_property, partial

import numpy as np
import torch

from ..evaluation.methods import METHODS, train_method
from ..evaluation.statistics import cumulative_curve
from ..gaze import angular_error_deg
from ..images import ImageSet
from ..simulators.eyes import simulate
from ..system.device import resolve_device
from .domains import fingerprint, profile_named, real_domain, stand_in_domain
from .pipeline import SeedRun
from .reproduce import command_line, run_folder

TIMES = 4                                         # as many synthetic images, as in the paper
LARGER = ("synthetic", "synthetic_matched", "refined")
DEGREES = tuple(range(21))                        # at which records have the cumulative curve


class StudySeed(SeedRun):
    """One seed of the study.  The 4x sets hold the 1x set and three times as many other eyes, refined by its refiner."""

    def rows(self):
        """Yield (method, training set, times, images trained on, {"errors": (N,)}) of each estimator."""
        self.trained, self.sets = self.training_sets()
        for name, images in self.sets.items():
            yield "cnn", name, 1, len(images), self.timed(stage("cnn", name, 1), partial(self.gaze, name, images))
        for name in LARGER:
            found = self.timed(stage("cnn", name, TIMES), partial(self._larger, name))
            yield "cnn", name, TIMES, TIMES * self.profile.synthetic, found
        for method, (name, images) in itertools.product(METHODS, self.sets.items()):
            most = METHODS[method].most or len(images)
            found = self.timed(stage(method, name, 1), partial(self._method, method, images))
            yield method, name, 1, min(len(images), most), found

    def _method(self, method, training):
        test = self.domain.test
        return {"errors": angular_error_deg(train_method(method, training, self.seed)(test), test.labels["gaze"])}

    def _larger(self, name):
        images = self._more_refined if name == "refined" else self._more[name]
        return self.gaze(f"{name}, {TIMES}x", images)

    @cached_property
    def _more(self):
        """{"synthetic", "synthetic_matched"}: made when the first stage needs them, and only then."""
        eyes = simulate((TIMES - 1) * self.profile.synthetic, seed=30_000 + self.seed, progress=self._bar("more eyes"))
        more = {"synthetic": eyes, "synthetic_matched": self.matched(eyes)}
        return {name: together(self.sets[name], images) for name, images in more.items()}

    @cached_property
    def _more_refined(self):
        return self.refined(self._more[self.profile.refine_from], self.trained)


def together(first, second):
    """Both ImageSets as one, with the label `gaze` alone."""
    gaze = torch.cat([part.labels["gaze"] for part in (first, second)])
    return ImageSet(torch.cat([first.images, second.images]), {"gaze": gaze}, source=first.source)


def gaze_study(profile_name="quick", seeds=1, real=None, test_days=None, device="auto", results="results", bar=True,
               first_seed=0):
    """Train and measure all estimators; yields, after each of `seeds` seeds from `first_seed` on, the records of all so far.

    A record is one estimator over its seeds, a dict of plain numbers and text.  real: a folder with MPIIGaze crops instead
    of the stand-in domain.  A killed run goes on where it was.  Raises UserError for bad input.
    """
    profile, device = profile_named(profile_name), resolve_device(device)
    folder = run_folder(results, profile_name, real)
    domain = real_domain(real, test_days) if real else stand_in_domain(profile, bar)
    about = _about(profile_name, profile, domain, device, _command(profile_name, first_seed + seeds, real, test_days))
    errors, seconds = defaultdict(list), defaultdict(float)          # by (method, training set, times, images)
    for seed in range(first_seed, first_seed + seeds):
        study = StudySeed(profile, domain, seed, device, folder / f"seed{seed}", bar)
        for *estimator, found in study.rows():
            errors[tuple(estimator)].append(found["errors"])
            seconds[tuple(estimator)] += study.seconds[stage(*estimator[:3])]
        yield [record_of(estimator, range(first_seed, seed + 1), errors[estimator], domain.test.groups.get("day"))
               | {"seconds": round(seconds[estimator], 1)} | about for estimator in errors]


def stage(method, name, times):
    """What the stage of an estimator is called: gaze-refined_4x, svr-refined."""
    return f"{'gaze' if method == 'cnn' else method}-{name}" + (f"_{times}x" if times > 1 else "")


def record_of(estimator, seeds, errors, days=None):
    """What is kept of an estimator: (method, training set, times, images), its seeds, and what they measured.

    errors: degrees (N,) on the test images, a tensor for each seed.  days: N names.  Mean error and share within 7 degrees
    are those of `summary.measure`, the same as in `reproduce`; "curve" is the mean of the seeds' curves at DEGREES.
    """
    from .summary import measure  # matplotlib is slow to import
    curve = np.mean([cumulative_curve(seed, DEGREES) for seed in errors], 0)
    return dict(zip(("method", "training_set", "times", "images"), estimator)) | {
        "seeds": list(seeds), "gaze_error_deg": measure(errors, days),
        "within_7_deg": measure([100.0 * (seed <= 7) for seed in errors], days),
        "curve": [round(float(share), 3) for share in curve]}


def _command(profile_name, seeds, real, test_days):
    """What gives the records of the seeds 0 .. seeds-1: those before a run are joined."""
    return command_line(profile_name, seeds, real and "DIR", test_days).replace(" reproduce ", " gaze-table ")


def _about(profile_name, profile, domain, device, command):
    from .provenance import commit, hardware
    return {"profile": profile_name, "domain": domain.name, "updates": profile.gaze.steps, "network": profile.gaze.network,
            "test_images": len(domain.test), "test_days": len(set(domain.test.groups.get("day", []))),
            "mean_answer_error_deg": domain.mean_answer_error(), "data_digest": fingerprint(domain)[1],
            "device": hardware(device), "commit": commit(), "command": command}
