"""What the main job is run on: its size (`Profile`), and where the real images come from (`Domain`)."""

import hashlib
import sys
from dataclasses import dataclass, replace

from ..datasets.mpiigaze import copied, day_files, read_mpiigaze
from ..evaluation.gaze import PRESETS as GAZE_PRESETS
from ..evaluation.gaze import GazeTrainingConfig
from ..evaluation.realism import FEWEST
from ..gaze import angular_error_deg
from ..images import ImageSet, group_names
from ..simulators.camera import PEOPLE_WILD, stand_in
from ..simulators.parameters import PRIORS
from ..system.errors import UserError, printable
from ..system.settings import MANY, Flag, OneOf, Settings, Whole
from ..training import PRESETS, TrainingConfig
from ..training_config import AS_PUBLISHED
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
    simulator: OneOf(PRIORS) = "one"         # whose eyes are simulated: of `simulators.parameters.PRIORS`
    people: Whole(0, 1000) = 0               # in the stand-in domain, and as many others to test on; 0: nobody in particular
    estimators: Whole(1, 100) = 1            # gaze estimators on each training set, whose errors are averaged image by image
    fresh: Flag() = False                    # whether it is measured on stand-in images that no setting was chosen on
    LATER = ("simulator", "people", "estimators", "fresh")


PROFILES = {
    "quick": Profile(PRESETS["quick"], GAZE_PRESETS["quick"], synthetic=8000, real=4000, test=1500, compared=1000),
    # MPIIGaze's equalisation comes last of all, and changes the whole image: a refiner that sees 19 pixels cannot do it.
    "full": Profile(PRESETS["full"], GAZE_PRESETS["full"], synthetic=50_000, real=30_000, test=4000, compared=4000,
                    match_refined=True),
    "paper": Profile(PRESETS["paper"], GAZE_PRESETS["paper"], synthetic=1_200_000, real=214_000, test=20_000,
                     compared=10_000, refine_from="synthetic"),
}
# The same with one thing changed, of the size of `quick`.
QUICK = PROFILES["quick"]
PROFILES |= {
    # As the paper describes the method: raw images, and the refiner's published width.
    "quick-published": replace(QUICK, refine_from="synthetic", training=replace(QUICK.training, width=64, **AS_PUBLISHED)),
    "quick-hard": replace(QUICK, people=40),                            # a stand-in domain whose people differ
    "quick-people": replace(QUICK, people=40, simulator="people"),      # and a simulator that knows that people differ
    "quick-wide": replace(QUICK, simulator="wide"),                     # the paper's situation
    "quick-fresh": replace(QUICK, estimators=5, fresh=True),            # a better instrument
}
TESTED, FRESH = 20_002, 20_102                # seeds of stand-in test images: the first were looked at while settings were chosen


@dataclass(frozen=True)
class Domain:
    """Where the real images come from.  `unlabelled` has had its labels removed; `labelled` is for the oracle alone.

    apart: what the test images have for themselves, "days" or "people".
    """

    name: str
    unlabelled: ImageSet
    labelled: ImageSet
    test: ImageSet
    apart: str = "days"

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

    Both are the same images for all seeds.  The test images are those that the kit's settings were chosen on, but where the
    profile is `fresh` or has `people`.
    """
    who = {"prior": PEOPLE_WILD, "people": profile.people} if profile.people else {}
    real = stand_in(profile.real, seed=20_001, progress=shown_progress("simulating the stand-in domain", bar), **who)
    return Domain("stand-in", replace(real, labels={}), real, stand_in(profile.test, FRESH if profile.fresh else TESTED, **who),
                  "people" if profile.people else "days")


def real_domain(folder, test_days=None, test_people=None):
    """MPIIGaze crops.  Of one person they are split by day, of several by person: nobody then stands on both sides.

    test_people: names of those kept apart; by default every third person, of two the second.
    test_days: names of the days kept apart; by default every third, of one person.  Of several people they are named
    p01/day03, as in the group `day` of what is returned, and a person may stand on both sides.
    What is unlabelled, and refined towards, is never of a person, or a day, that is kept apart.
    Raises UserError for both at once, an unknown person or day, a day's name that several people have, too few images to
    learn from or to measure on, and the same image on both sides.
    """
    if test_days and test_people:
        raise UserError("--test-days and --test-people: expected one of them, found both")
    crops = read_mpiigaze(folder)
    people = sorted(set(crops.groups["subject"].tolist()))
    crops = replace(crops, groups=crops.groups | {"day": group_names(crops.groups)})
    apart = "people" if test_people or len(people) > 1 and not test_days else "days"
    if apart == "people":
        names, (rest, test) = people, crops.split("subject", test_people or people[2::3] or people[1:])
    else:
        names = sorted(set(crops.groups["day"].tolist()))
        rest, test = crops.split("day", _days(names, test_days) if test_days else names[2::3])
    if min(len(rest), len(test)) < FEWEST:
        raise UserError(f"{folder}: {len(names)} {apart} with eyes leave {len(rest)} images to learn from and {len(test)} to "
                        f"measure on; both need at least {FEWEST}")
    _check_copies(folder, crops, set(day_files(test)))
    return Domain("MPIIGaze", replace(rest, labels={}), rest, test, apart)


def _days(names, asked):
    """Those of `names` that are asked for, in full or, if one person alone has such a day, without the person."""
    found = []
    for day in asked:
        of = [name for name in names if day in (name, name.partition("/")[2])]
        if len(of) > 1:
            raise UserError(f"--test-days: {len(of)} people have a {day}; expected person and day, such as {of[0]}")
        found += of or [day]
    return found


def _check_copies(folder, crops, tested):
    """A UserError for images that stand in a tested day's file and in another's; a note for other copies."""
    copies = copied(crops)
    for (one, other), n in copies.items():
        if (one in tested) != (other in tested):
            raise UserError(f"{folder}: {one} and {other} share {n} images, and one of them is kept apart for the test; expected "
                            "no test image among those to learn from: delete a copy")
    for (one, other), n in copies.items():
        print(printable(f"note: {folder}: {one} and {other} share {n} images, which count twice"), file=sys.stderr)


def fingerprint(domain):
    """What the domain's results depend on: a digest of all pixels, gaze labels and days, and which are kept apart."""
    digest = hashlib.sha256()
    for part in (domain.labelled, domain.test):
        for values in (part.images, part.labels["gaze"]):
            digest.update(str(tuple(values.shape)).encode())
            digest.update(values.contiguous().numpy().tobytes())
        digest.update("\n".join(part.groups.get("day", [])).encode())
    return [domain.name, digest.hexdigest()]
