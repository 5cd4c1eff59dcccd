"""How much do more images help, and how much another method?  The paper's two tables on gaze.

Each estimator is a subject of the records: `refined` (the CNN on refined eyes), `refined_4x` (on four times as many),
`svr:refined` (another method).  The refiner and the networks trained on 1x data are the stages of `reproduce`, in the same
folder: what one has computed, the other finds.
Paper: Table 2 and Figure 7 (more images), Table 3 (methods).  Taught in: notebook 09.
"""

from .. import paper
from ..evaluation.methods import METHODS
from ..evaluation.statistics import cumulative_curve
from ..figures.base import training_set_name
from ..system.device import resolve_device
from ..system.places import checked, claimed
from . import differences
from .domains import profile_named, real_domain, stand_in_domain
from .pipeline import LARGER, TRAINED_ON, StudySeed, subject_of
from .records import add, check_addable, known, row
from .reproduce import command_line, described, gaze_rows, run_folder
from .tables import MISSING, markdown_table, quoted, shown, shown_with_interval

EXPERIMENT = "gaze"
DEGREES = tuple(range(21))                        # at which records have the cumulative curve
METHOD_NAMES = {name: method.name for name, method in METHODS.items()} | {"cnn": "CNN"}

# Paper, Table 2: share within 7 degrees by training set and its size.
SIZES = {"synthetic": paper.WITHIN_7_SYNTHETIC, "synthetic_4x": paper.WITHIN_7_SYNTHETIC_4X, "synthetic_matched": None,
         "synthetic_matched_4x": None, "refined": paper.WITHIN_7_REFINED, "refined_4x": paper.WITHIN_7_REFINED_4X, "oracle": None}
RISING = [subject for subject, theirs in SIZES.items() if theirs]    # as in the paper: each within 7 degrees more often
# Paper, Table 3: mean error by method, trained on real eyes of other people (UT Multiview), on synthetic, on refined ones.
PUBLISHED = {"knn": (paper.KNN_REAL_ERROR, paper.KNN_SYNTHETIC_ERROR, None), "forest": (paper.RANDOM_FOREST_ERROR, None, None),
             "svr": (paper.SVR_ERROR, None, None), "alr": (paper.ALR_ERROR, None, None),
             "cnn": (paper.CNN_REAL_ERROR, paper.GAZE_SYNTHETIC_ERROR, paper.GAZE_REFINED_ERROR)}


# ---- the study ----
def gaze_study(path, profile_name="quick", seeds=1, real=None, test_days=None, device="auto", results="results", bar=True,
               first_seed=0, test_people=None):
    """Train and measure all estimators of `seeds` seeds from `first_seed` on; they are added to the records in `path`.

    real: a folder with MPIIGaze crops instead of the stand-in domain; test_days, test_people: as for `real_domain`.
    A killed run goes on where it was.
    Raises UserError for bad input, and if the folder is another process's.
    """
    profile, device = profile_named(profile_name), resolve_device(device)
    folder = run_folder(results, profile_name, real)
    checked(path)
    with claimed(folder, folder=True):
        command = command_line("gaze-table", profile_name, seeds, real, test_days, first_seed, test_people)
        domain = real_domain(real, test_days, test_people) if real else stand_in_domain(profile, bar)
        run = described(EXPERIMENT, profile_name, profile, domain, device, command)
        run |= {"updates": profile.gaze.steps, "network": profile.gaze.network}
        seeds = range(first_seed, first_seed + seeds)
        check_addable(path, run, seeds)
        studies = [StudySeed(profile, domain, seed, device, folder / f"seed{seed}", bar) for seed in seeds]
        add(path, run, [line for study in studies for line in study_rows(study)])


def study_rows(study):
    """Rows of all estimators of a seed: errors, with their curve, and what each cost."""
    rows = []
    for subject, images, errors, seconds in study.estimators():
        error, within = gaze_rows(study.seed, subject, {"errors": errors}, study.domain)
        rows += [error | {"curve": cumulative_curve(errors, DEGREES).round(3).tolist()}, within,
                 row(study.seed, subject, "training_images", images), row(study.seed, subject, "seconds", seconds)]
    return rows


# ---- what it says ----
def shares(job):
    """{subject: (% within 7 degrees, (low, high), the paper's or None)}."""
    found = {subject: (job.get(subject, "within_7_deg"), theirs) for subject, theirs in SIZES.items()}
    return {subject: (ours["mean"], (ours["low"], ours["high"]), theirs and theirs.value)
            for subject, (ours, theirs) in found.items() if ours is not None}


def matching_share(job, measure="gaze_error_deg", times=1):
    """`differences.matching_share` of the network's gain, on sets of once or four times the size."""
    return differences.matching_share(job, measure, [subject_of("cnn", name, times) for name in LARGER])


def order_steps(job):
    """The paper's order by share within 7 degrees, step by step: [(from, to, the paper's points, ours, overlap)].

    overlap: whether the 95 % intervals of the two do; None where they are not known.
    """
    found = shares(job)
    return [(a, b, found[b][2] - found[a][2], found[b][0] - found[a][0], _overlap(found[a][1], found[b][1]))
            for a, b in zip(RISING, RISING[1:])]


def _overlap(a, b):
    return max(a[0], b[0]) <= min(a[1], b[1]) if known(a[0]) and known(b[0]) else None


# ---- tables ----
def size_table(job):
    """More images, or refined ones?  The paper's Table 2 beside ours, in Markdown."""
    head = ["CNN trained on", "images", "paper, % within 7 degrees", "here, % within 7 degrees", "here, mean error, degrees"]
    rows = [[training_set_name(subject, job.domain), _images(job, subject), quoted(theirs) if theirs else MISSING,
             shown_with_interval(job.get(subject, "within_7_deg"), ".1f"),
             shown_with_interval(job.get(subject, "gaze_error_deg"), ".2f")]
            for subject, theirs in SIZES.items() if job.get(subject, "within_7_deg") is not None]
    return markdown_table(head, rows)


def order_table(job):
    """Does the paper's order of Table 2 hold, step by step?  In Markdown."""
    head = ["step of the paper's order", "paper, points", "here, points", "in that order here", "95 % intervals"]
    recalled = {subject for subject in RISING if SIZES[subject].grade == "R"}
    rows = [[" → ".join(training_set_name(subject, job.domain) for subject in (a, b)),
             f"{theirs:+.1f}" + (" reported" if recalled & {a, b} else ""), f"{ours:+.1f}",
             "yes" if ours > 0 else "**no**", {True: "overlap", False: "apart", None: MISSING}[overlap]]
            for a, b, theirs, ours, overlap in order_steps(job)]
    return markdown_table(head, rows)


def method_table(job):
    """Other methods: the paper's Table 3 beside ours, mean error in degrees, in Markdown.

    "images": how many of each simulated set the method was given, and, if they differ, how many of the domain's own.
    """
    head = ["method", "images", "paper, other people's real eyes", "paper, synthetic", "paper, refined",
            *(f"here, {training_set_name(name, job.domain)}" for name in TRAINED_ON)]
    rows = []
    for method, name in METHOD_NAMES.items():
        theirs = [quoted(each) if each else MISSING for each in PUBLISHED.get(method, (None,) * 3)]
        subjects = [subject_of(method, training_set) for training_set in TRAINED_ON]
        images = dict.fromkeys(_images(job, each) for each in subjects if job.get(each, "gaze_error_deg") is not None)
        size = f" (here: {job.said('network')})" if method == "cnn" and job.said("network") else ""
        ours = [shown(job.get(each, "gaze_error_deg")) for each in subjects]
        rows.append([name + size, " / ".join(images) or MISSING, *theirs, *ours])
    return markdown_table(head, rows)


def methods_compared(job):
    """{method: {training set: mean error in degrees, and "paper": (other people's real eyes, synthetic, refined) or None each}}."""
    compared = {}
    for method, name in METHOD_NAMES.items():
        ours = {each: job.mean(subject_of(method, each), "gaze_error_deg") for each in TRAINED_ON}
        theirs = tuple(each and each.value for each in PUBLISHED.get(method, (None,) * 3))
        compared[name] = {key: value for key, value in ours.items() if value is not None} | {"paper": theirs}
    return compared


def _images(job, subject):
    found = job.mean(subject, "training_images")
    return MISSING if found is None else f"{found:,.0f}"
