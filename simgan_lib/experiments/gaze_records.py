"""Records of the study on gaze: written, read, and made into the paper's two tables.  Taught in: notebook 09."""

from .. import paper
from ..evaluation.methods import METHODS
from ..figures.base import training_set_name
from ..system.errors import UserError
from . import records as files
from .comparison import MISSING, quoted, shown
from .records import markdown_table

RECORDED = files.RECORDED / "gaze.jsonl"
RUN = ("profile", "domain")           # a newer run of the same takes the older one's place
KEPT = (*RUN, "method", "training_set", "times", "images", "seeds", "gaze_error_deg", "within_7_deg", "network")
METHOD_NAMES = {name: method.name for name, method in METHODS.items()} | {"cnn": "CNN"}
SETS = ("synthetic", "synthetic_matched", "refined", "oracle")

# Paper, Table 2: share within 7 degrees by training set and its size.
SIZES = {("synthetic", 1): paper.WITHIN_7_SYNTHETIC, ("synthetic", 4): paper.WITHIN_7_SYNTHETIC_4X,
         ("synthetic_matched", 1): None, ("synthetic_matched", 4): None,
         ("refined", 1): paper.WITHIN_7_REFINED, ("refined", 4): paper.WITHIN_7_REFINED_4X, ("oracle", 1): None}
RISING = [key for key in SIZES if SIZES[key]]         # as in the paper: each within 7 degrees more often than the one before
# Paper, Table 3: mean error by method, trained on real eyes of other people (UT Multiview), on synthetic, on refined ones.
PUBLISHED = {"knn": (paper.KNN_REAL_ERROR, paper.KNN_SYNTHETIC_ERROR, None), "forest": (paper.RANDOM_FOREST_ERROR, None, None),
             "svr": (paper.SVR_ERROR, None, None), "alr": (paper.ALR_ERROR, None, None),
             "cnn": (paper.CNN_REAL_ERROR, paper.GAZE_SYNTHETIC_ERROR, paper.GAZE_REFINED_ERROR)}


# ---- files ----
def save_records(path, records):
    """Put records into a file.  Those of the same profile and domain that stood there give way.

    Raises UserError if the file holds something else or cannot be written.
    """
    files.save_records(path, records, RUN)


def add_records(path, records, before=()):
    """Put a run's records into a file, joined to those of the seeds before it, if there are any  ->  what stands there now.

    Raises UserError as `save_records`, and if the two are not of one job.
    """
    from .joining import joined_estimators  # matplotlib, behind it, is slow to import
    try:
        records = joined_estimators(before, records) if before else records
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    save_records(path, records)
    return records


def read_records(path=RECORDED, profile=None, domain=None):
    """The records in a file, all or those of one profile or domain; none if there is no such file.

    Raises UserError, with the line's number, for a line that is no such record.
    """
    return [record for record in files.read_records(path, KEPT)
            if profile in (None, record["profile"]) and domain in (None, record["domain"])]


def chosen(records, method="cnn", training_set="synthetic", times=1):
    """The record of one estimator, or None."""
    return next((r for r in records if (r["method"], r["training_set"], r["times"]) == (method, training_set, times)), None)


# ---- what they say ----
def shares(records):
    """{training set, "_4x" behind it where it is that: (% within 7 degrees, its interval, the paper's or None)}."""
    found = {_key(*key): (chosen(records, "cnn", *key), theirs) for key, theirs in SIZES.items()}
    return {key: (ours["within_7_deg"]["mean"], ours["within_7_deg"]["interval"], theirs and theirs.value)
            for key, (ours, theirs) in found.items() if ours}


def matching_share(records, measure="gaze_error_deg", times=1):
    """How much of the network's gain from synthetic to refined eyes histogram matching alone has, %.

    measure: "gaze_error_deg" or "within_7_deg".  Negative: matching alone makes it worse.  None: refined eyes gain nothing.
    """
    raw, matched, refined = (chosen(records, "cnn", name, times)[measure]["mean"] for name in SETS[:3])
    gains = refined < raw if measure == "gaze_error_deg" else refined > raw
    return 100 * (matched - raw) / (refined - raw) if gains else None


def order_steps(records):
    """The paper's order by share within 7 degrees, step by step: [(from, to, the paper's points, ours, overlap)].

    overlap: whether the 95 % intervals of the two do.
    """
    found = shares(records)
    rising = [_key(*key) for key in RISING]
    return [(a, b, found[b][2] - found[a][2], found[b][0] - found[a][0],
             max(found[a][1][0], found[b][1][0]) <= min(found[a][1][1], found[b][1][1]))
            for a, b in zip(rising, rising[1:])]


def _key(name, times):
    return name if times == 1 else f"{name}_{times}x"


# ---- tables ----

def size_table(records):
    """More images, or refined ones?  The paper's Table 2 beside records of one profile and domain, in Markdown."""
    head = ["CNN trained on", "images", "paper, % within 7 degrees", "here, % within 7 degrees", "here, mean error, degrees"]
    rows = []
    for (name, times), theirs in SIZES.items():
        if ours := chosen(records, "cnn", name, times):
            rows.append([training_set_name(_key(name, times), ours["domain"]), f"{ours['images']:,}",
                         quoted(theirs) if theirs else MISSING,
                         _with_interval(ours["within_7_deg"], ".1f"), _with_interval(ours["gaze_error_deg"], ".2f")])
    return markdown_table(head, rows)


def order_table(records):
    """Does the paper's order of Table 2 hold, step by step, in records of one profile and domain?  In Markdown."""
    domain = records[0]["domain"]
    head = ["step of the paper's order", "paper, points", "here, points", "in that order here", "95 % intervals"]
    recalled = {_key(*key) for key in RISING if SIZES[key].grade == "R"}
    rows = [[" → ".join(training_set_name(key, domain) for key in (a, b)),
             f"{theirs:+.1f}" + (" reported" if recalled & {a, b} else ""), f"{ours:+.1f}",
             "yes" if ours > 0 else "**no**", "overlap" if overlap else "apart"]
            for a, b, theirs, ours, overlap in order_steps(records)]
    return markdown_table(head, rows)


def method_table(records):
    """Other methods: the paper's Table 3 beside records of one profile and domain, mean error in degrees, in Markdown.

    "images": how many of each simulated set the method was given, and, if they differ, how many of the domain's own.
    """
    domain = records[0]["domain"] if records else ""
    head = ["method", "images", "paper, other people's real eyes", "paper, synthetic", "paper, refined",
            *(f"here, {training_set_name(name, domain)}" for name in SETS)]
    rows = []
    for method, name in METHOD_NAMES.items():
        theirs = [quoted(each) if each else MISSING for each in PUBLISHED.get(method, (None,) * 3)]
        ours = [chosen(records, method, training_set) for training_set in SETS]
        images = dict.fromkeys(f"{each['images']:,}" for each in ours if each)
        network = {each["network"] for each in ours if each} if method == "cnn" else set()
        rows.append([name + "".join(f" (here: {size})" for size in sorted(network)), " / ".join(images) or MISSING, *theirs,
                     *(shown(each and each["gaze_error_deg"]) for each in ours)])
    return markdown_table(head, rows)


def _with_interval(entry, form):
    return f"{shown(entry, form)} [{', '.join(format(end, form) for end in entry['interval'])}]"
