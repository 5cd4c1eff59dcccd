"""Records of the study on gaze: written, read, and made into the paper's two tables.  Taught in: notebook 09."""

import numpy as np

from . import paper
from . import records as files
from .comparison import MISSING, quoted, training_set_name
from .evaluation.methods import METHODS
from .records import markdown_table

RECORDED = files.RECORDED / "gaze.jsonl"
RUN = ("profile", "domain")           # a newer run of the same takes the older one's place
METHOD_NAMES = {name: method.name for name, method in METHODS.items()} | {"cnn": "CNN"}
SETS = ("synthetic", "synthetic_matched", "refined", "oracle")

# Paper, Table 2: share within 7 degrees by training set and its size.
SIZES = {("synthetic", 1): paper.WITHIN_7_SYNTHETIC, ("synthetic", 4): paper.WITHIN_7_SYNTHETIC_4X,
         ("synthetic_matched", 1): None, ("synthetic_matched", 4): None,
         ("refined", 1): paper.WITHIN_7_REFINED, ("refined", 4): paper.WITHIN_7_REFINED_4X, ("oracle", 1): None}
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


def read_records(path=RECORDED, profile=None, domain=None):
    """The records in a file, all or those of one profile or domain; none if there is no such file.

    Raises UserError, with the line's number, for a line that is no record.
    """
    return [record for record in files.read_records(path, RUN)
            if profile in (None, record["profile"]) and domain in (None, record["domain"])]


# ---- tables ----
def chosen(records, method="cnn", training_set=None, times=1):
    """The records of one method and training set, by seed."""
    found = [r for r in records if (r["method"], r["training_set"], r["times"]) == (method, training_set, times)]
    return sorted(found, key=lambda record: record["seed"])


def mean_and_sd(records, key):
    """(mean, standard deviation) of a measure over the seeds; the second is None for one seed.  None without records."""
    values = [record[key] for record in records]
    return (np.mean(values), np.std(values, ddof=1) if len(values) > 1 else None) if values else None


def interval(records, key):
    """95 % interval over test images: the mean over the seeds of the ends of theirs."""
    return np.mean([record[key] for record in records], 0)


def shares(records):
    """{training set, "_4x" behind it where it is that: (% within 7 degrees, its interval, the paper's or None)}."""
    found = {}
    for (name, times), theirs in SIZES.items():
        if ours := chosen(records, "cnn", name, times):
            found[_key(name, times)] = (mean_and_sd(ours, "within_7_deg")[0], interval(ours, "within_7_interval"),
                                        theirs and theirs.value)
    return found


def _key(name, times):
    return name if times == 1 else f"{name}_{times}x"


def size_table(records):
    """More images, or refined ones?  The paper's Table 2 beside records of one profile and domain, in Markdown."""
    head = ["CNN trained on", "images", "paper, % within 7 degrees", "here, % within 7 degrees", "here, mean error, degrees"]
    rows = []
    for (name, times), theirs in SIZES.items():
        if ours := chosen(records, "cnn", name, times):
            rows.append([training_set_name(_key(name, times), ours[0]["domain"]), f"{ours[0]['images']:,}",
                         quoted(theirs) if theirs else MISSING,
                         _with_interval(ours, "within_7_deg", "within_7_interval", ".1f"),
                         _with_interval(ours, "gaze_error_deg", "gaze_error_interval", ".2f")])
    return markdown_table(head, rows)


def method_table(records):
    """Other methods: the paper's Table 3 beside records of one profile and domain, mean error in degrees, in Markdown."""
    domain = records[0]["domain"] if records else ""
    head = ["method", "paper, other people's real eyes", "paper, synthetic", "paper, refined",
            *(f"here, {training_set_name(name, domain)}" for name in SETS)]
    rows = []
    for method, name in METHOD_NAMES.items():
        theirs = [quoted(each) if each else MISSING for each in PUBLISHED.get(method, (None,) * 3)]
        ours = [mean_and_sd(chosen(records, method, training_set), "gaze_error_deg") for training_set in SETS]
        rows.append([name, *theirs, *(_shown(each, ".2f") for each in ours)])
    return markdown_table(head, rows)


def _with_interval(records, key, ends, form):
    low, high = interval(records, ends)
    return f"{_shown(mean_and_sd(records, key), form)} [{low:{form}}, {high:{form}}]"


def _shown(found, form):
    if found is None:
        return MISSING
    return f"{found[0]:{form}}" + (f" ± {found[1]:{form}}" if found[1] is not None else "")
