"""Images that say where they come from, and parts of an experiment that are watched: what each of them was given."""

from dataclasses import replace
from types import SimpleNamespace

import torch

from simgan_lib.evaluation.judges import FeatureNetwork
from simgan_lib.experiments.domains import PROFILES, Domain
from simgan_lib.images import ImageSet
from simgan_lib.simulators.parameters import EYE

# The pixels of a marked image: its number, who drew it, whose gray levels it has, which refiner refined it (0: none).
NUMBER, DRAWN, MATCHED, REFINED = range(4)
REAL, TEST, SIMULATED = 1, 2, 3                # who drew it; simulated ones count from there, a number for each seed of theirs
LEARNED, TESTED, EYES, COMPARED = 40, 50, 12, 8
QUICK = PROFILES["quick"]
TINY = replace(QUICK, training=replace(QUICK.training, width=2, blocks=1), synthetic=EYES, compared=COMPARED)
PLAYED = {"phase": "adversarial", "discriminator": 0.5, "adversarial": 0.25, "right_refined": 0.75, "right_real": 1.0}
OFFSET = torch.deg2rad(torch.tensor([0.0, 1.0]))


def marked(n, drawn, days=0):
    """n images whose labels are made of their marks, and so belong to them alone; days: as many groups of about one size."""
    images = torch.zeros(n, 1, 1, 4, dtype=torch.uint8)
    images[:, 0, 0, NUMBER], images[..., DRAWN] = torch.arange(n), drawn
    groups = {"day": [f"day{i * days // n}" for i in range(n)]} if days else {}
    return ImageSet(images, labels_of(images), groups)


def labels_of(images):
    number, drawn = images[:, 0, 0, NUMBER].float(), images[:, 0, 0, DRAWN].float()
    return {"gaze": torch.stack([0 * number, number / 200 + drawn / 20], 1), "pupil": torch.stack([number, drawn], 1)}


def marks(images, which):
    """A mark of all images, each value once."""
    return set(getattr(images, "images", images)[..., which].unique().tolist())


def eyes_of(images):
    """[(number, drawn), ...]: which eyes they show."""
    return [tuple(each) for each in getattr(images, "images", images)[:, 0, 0, :2].tolist()]


def domain_of(days=5):
    """A domain of marked images; days: those of the test images."""
    real = marked(LEARNED, REAL, days=4)
    return Domain("stand-in", replace(real, labels={}), real, marked(TESTED, TEST, days))


class Watched:
    """The parts of a module, each doing the least that it can, and what they were given: {part: [...]}."""

    PARTS = ("simulate", "histogram_matched", "train_refiner", "refine", "train_gaze_estimator", "predict_gaze", "feature_network",
             "kernel_distance", "two_sample_accuracy", "identity_collapse", "pupil_centres", "train_method", "fixed_pattern",
             "spectrum_distance", "beyond_tone", "mean_change", "diversity", "RealPatches", "share")

    def __init__(self, monkeypatch, module):
        self.given, self.draws = {}, {}
        for name in self.PARTS:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, self.watching(name))

    def watching(self, name):
        def part(*given, **named):
            self.given.setdefault(name, []).append(SimpleNamespace(args=given, **named))
            return getattr(self, name)(*given, **named)
        return part

    def of(self, name, at):
        """One argument of all calls of a part: by its place or its name."""
        return [call.args[at] if isinstance(at, int) else getattr(call, at) for call in self.given[name]]

    def simulate(self, n, seed, prior=EYE, progress=None):
        return marked(n, self.draws.setdefault(seed, SIMULATED + len(self.draws)))

    def histogram_matched(self, images, reference):
        levels, = marks(reference, DRAWN)
        matched = images.images.clone()
        matched[..., MATCHED] = levels
        return matched

    def train_refiner(self, path, config, synthetic, real, seed, device, bar):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        refiner = config.refiner(1)
        for weight in refiner.parameters():
            torch.nn.init.constant_(weight, seed + 1)
        return SimpleNamespace(refiner=refiner, records=[PLAYED], snapshots={}, seconds=1.0)

    def refine(self, refiner, images, progress=None, seed=0):
        refined = images.images.clone()
        refined[..., REFINED] = int(next(refiner.parameters()).max())
        return replace(images, images=refined)

    def train_gaze_estimator(self, images, config, seed, device, progress=None):
        """Wrong by one degree, and more by what it was trained on."""
        torch.testing.assert_close(images.labels["gaze"], labels_of(images.images)["gaze"])
        return ((marks(images, MATCHED) == {REAL}) + 2 * (marks(images, REFINED) != {0}) + 4 * (marks(images, DRAWN) == {REAL})
                + 8 * (len(images) == 4 * EYES) + 1)

    def predict_gaze(self, wrong_by, images):
        return images.labels["gaze"] + wrong_by * OFFSET

    def train_method(self, method, images, seed):
        wrong_by = self.train_gaze_estimator(images, None, seed, None, None)
        return lambda test: test.labels["gaze"] - wrong_by * OFFSET

    def feature_network(self, images, seed, device):
        return FeatureNetwork(1, 2)

    def kernel_distance(self, network, a, b):
        return 1.0 + max(marks(a, MATCHED)) + 2 * (marks(a, REFINED) != {0}), 0.0

    def two_sample_accuracy(self, a, b, seed, by, device):
        return {"accuracy": 0.1 * self.kernel_distance(None, a, b)[0]}

    def identity_collapse(self, entering, results, real):
        return {name: {"change": 1.0} for name in results}

    def pupil_centres(self, images, progress=None):
        """At the number, and where a refiner moved it."""
        return torch.stack([images[:, 0, 0, NUMBER] + 10.0 * images[:, 0, 0, REFINED], images[:, 0, 0, DRAWN] + 0.5], 1)

    def RealPatches(self, images):
        return SimpleNamespace(share=self.watching("share"))

    def fixed_pattern(self, images, references):
        return 0.0

    def share(self, after, before):
        return 0.5

    def diversity(self, images):
        return 1.0 + max(marks(images, REFINED))

    spectrum_distance = beyond_tone = mean_change = share
