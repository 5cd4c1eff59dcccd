"""What the main job is run on: its size (`Profile`), and where the real images come from (`Domain`)."""

import dataclasses
import hashlib
from dataclasses import dataclass

from ..datasets.mpiigaze import read_mpiigaze
from ..evaluation.gaze import PRESETS as GAZE_PRESETS
from ..evaluation.gaze import GazeTrainingConfig
from ..evaluation.realism import FEWEST
from ..gaze import angular_error_deg
from ..images import ImageSet
from ..simulators.camera import stand_in
from ..system.errors import UserError
from ..system.settings import MANY, Flag, OneOf, Settings, Whole
from ..training import PRESETS, TrainingConfig
from .runs import shown_progress

ENTERING = ("synthetic", "synthetic_matched")          # what a refiner may get
IMAGES = Whole(FEWEST, MANY)


@dataclass(frozen=True)
class Profile(Settings):
    """How large the main job is."""

    training: TrainingConfig
    gaze: GazeTrainingConfig
    synthetic: IMAGES             # labelled synthetic images
    real: IMAGES                  # unlabelled images of the stand-in domain
    test: IMAGES                  # labelled stand-in images to measure on
    compared: IMAGES              # images a side in measures of realism and of the pupil
    refine_from: OneOf(ENTERING) = "synthetic_matched"   # what the refiner gets: histogram-matched images, or raw ones
    match_refined: Flag() = False            # whether refined images get the gray levels of the unlabelled ones once more


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
    """The embedded domain: a part to learn from, and other images, of other days, to measure on.

    Both are the same images for all seeds, and those that the kit's settings were chosen on.
    """
    real = stand_in(profile.real, seed=20_001, progress=shown_progress("simulating the stand-in domain", bar))
    return Domain("stand-in", dataclasses.replace(real, labels={}), real, stand_in(profile.test, seed=20_002))


def real_domain(folder, test_days=None):
    """MPIIGaze crops, split by day.  test_days: names of the days kept apart; by default every third day.

    Of several people, a day's name is kept apart for all of them: each person stands on both sides.
    Raises UserError for an unknown day, or if a part would have too few images to learn from or to measure on.
    """
    crops = read_mpiigaze(folder)
    names = sorted(set(crops.groups["day"]))
    rest, test = crops.split("day", test_days or names[2::3])
    if min(len(rest), len(test)) < FEWEST:
        raise UserError(f"{folder}: {len(names)} days with eyes leave {len(rest)} images to learn from and {len(test)} to "
                        f"measure on; both need at least {FEWEST}")
    return Domain("MPIIGaze", dataclasses.replace(rest, labels={}), rest, test)


def fingerprint(domain):
    """What the domain's results depend on: a digest of all pixels, gaze labels and days, and which are kept apart."""
    digest = hashlib.sha256()
    for part in (domain.labelled, domain.test):
        for values in (part.images, part.labels["gaze"]):
            digest.update(str(tuple(values.shape)).encode())
            digest.update(values.contiguous().numpy().tobytes())
        digest.update("\n".join(part.groups.get("day", [])).encode())
    return [domain.name, digest.hexdigest()]
