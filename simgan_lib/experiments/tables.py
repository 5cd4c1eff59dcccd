"""The paper's numbers beside ours: as rows, as sentences, as text for the terminal.

All of it is made from measurements (`records.Job`) and from `paper`, so no new run can make a sentence wrong.  Where
refinement does not do what the paper says, the sentences say so.  What a run did not measure may be missing.
Taught in: notebook 05.
"""

import textwrap
from dataclasses import dataclass

import numpy as np

from .. import paper
from ..figures.base import TRAINING_SETS, real_name, training_set_name
from .differences import against_synthetic, matching_share, seed_by_seed
from .records import known

KINDS = ("synthetic", "synthetic_4x", "synthetic_matched", "refined_as_they_are", "refined", "refined_4x", "oracle")  # in the table
MISSING = "—"
MARK = "†"                     # stands beside a refined number that is no better than histogram matching's


@dataclass(frozen=True)
class Row:
    """One line: what was measured, the paper's number with its place, ours."""

    name: str
    paper: str
    here: str


@dataclass(frozen=True)
class Measure:
    """What is measured in the same way for several kinds of images."""

    key: str                   # the measure in the records
    title: str                 # {real} stands for the name of the domain's images
    form: str                  # how a number is printed
    published: dict            # kind of images: the paper's column
    rising: bool = False       # larger is better
    factor: float = 1.0        # from the unit of the records to the title's


# ---- numbers as text ----
def quoted(record, *more):
    """A published number with its place; one that is only recalled is called "reported".

    >>> quoted(paper.Published(62.3, "%", "R", "Table 2", ""))
    '62.3 reported (Table 2)'
    """
    spread = "".join(f" ± {each.value:g}" for each in more)
    return f"{record.value:g}{spread}{' reported' if record.grade == 'R' else ''} ({record.where})"


def _people(right):
    """The paper's verdicts were people's.

    >>> _people(paper.TURING_REFINED_RIGHT)
    'people: 51.7 (Table 1)'
    """
    return f"people: {100 * right.value / int(right.unit.removeprefix('of ')):.1f} ({right.where})"


def shown(found, form=".2f", factor=1.0):
    """A line of `Job.summary`, or of anything with "mean" and "sd", as text; the deviation only where there is one.

    A deviation of two seeds is as uncertain as it is large: both values stand in its place.

    >>> shown({"mean": 5.1, "sd": 0.25}), shown({"mean": 5.1, "sd": None}), shown(None)
    ('5.10 ± 0.25', '5.10', '—')
    >>> shown({"mean": 5.0, "sd": 2**0.5, "values": [4.0, 6.0]})
    '4.00, 6.00'
    """
    if found is None or not known(found["mean"]):
        return MISSING
    values = found.get("values") or []
    if len(values) == 2 and np.isclose(np.std(values, ddof=1), found["sd"]):          # and not a deviation over images
        return ", ".join(format(factor * value, form) for value in values)
    return format(factor * found["mean"], form) + (f" ± {factor * found['sd']:{form}}" if known(found["sd"]) else "")


def shown_with_interval(found, form=".2f", factor=1.0):
    """`shown`, and the 95 % interval behind it where it is known.

    >>> shown_with_interval({"mean": 5.1, "sd": 0.25, "low": 5.0, "high": 5.2})
    '5.10 ± 0.25 [5.00, 5.20]'
    """
    if found is None or not known(found["low"]):
        return shown(found, form, factor)
    return f"{shown(found, form, factor)} [{factor * found['low']:{form}}, {factor * found['high']:{form}}]"


def shown_difference(found, form="+.2f"):
    """A difference as `seed_by_seed` gives it, as text: with its 95 % interval, or the values of one or two seeds.

    >>> shown_difference({"mean": -0.36, "low": -0.84, "high": 0.12, "values": [-0.5, -0.44, -0.14]})
    '-0.36 [-0.84, +0.12]'
    >>> shown_difference({"mean": -1.5, "low": -7.9, "high": 4.9, "values": [-2.0, -1.0]})
    '-2.00, -1.00'
    """
    if len(found["values"]) < 3:
        return ", ".join(format(value, form) for value in found["values"])
    return f"{found['mean']:{form}} [{found['low']:{form}}, {found['high']:{form}}]"


def markdown_table(head, rows):
    """Lines of a Markdown table, columns of one width, so that it can be read as text too.

    >>> print(markdown_table(["a", "b"], [["1", "22"]]))
    | a | b  |
    | - | -- |
    | 1 | 22 |
    """
    table = [head, ["-"] * len(head), *rows]
    wide = [max(len(row[i]) for row in table) for i in range(len(head))]
    table[1] = ["-" * width for width in wide]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, wide)) + " |" for row in table)


def text_table(rows):
    """Rows of records as plain text: a line a measure, a column a subject, in the order of the rows; — if not measured."""
    at = {(line["measure"], line["subject"]): MISSING if line["value"] is None else f"{line['value']:.4g}" for line in rows}
    measures, subjects = (list(dict.fromkeys(key[i] for key in at)) for i in (0, 1))
    lines = [f"{'':18}" + "".join(f"{subject:>12}" for subject in subjects)]
    return "\n".join(lines + [f"{measure:18}" + "".join(f"{at[measure, subject]:>12}" for subject in subjects)
                              for measure in measures])


# ---- the table ----
MEASURES = (
    Measure("gaze_error_deg", "Mean gaze error, degrees, after training on", ".2f",
            {"synthetic": quoted(paper.GAZE_SYNTHETIC_ERROR), "refined": quoted(paper.GAZE_REFINED_ERROR)}),
    Measure("calibrated_error_deg", "The same, one offset for all test images taken away as a calibration does", ".2f", {}),
    Measure("within_7_deg", "Test images within 7 degrees, %, after training on", ".1f",
            {"synthetic": quoted(paper.WITHIN_7_SYNTHETIC), "synthetic_4x": quoted(paper.WITHIN_7_SYNTHETIC_4X),
             "refined": quoted(paper.WITHIN_7_REFINED), "refined_4x": quoted(paper.WITHIN_7_REFINED_4X)},
            rising=True),
    Measure("two_sample_accuracy", "Told from {real} images by a network, % right (50: by guessing)", ".1f",
            {"synthetic": _people(paper.TURING_SYNTHETIC_RIGHT), "refined": _people(paper.TURING_REFINED_RIGHT)},
            factor=100),
    Measure("kernel_distance", "Kernel distance to {real} images, unit arbitrary (0: none)", ".3g", {}),
)


def comparison(job, oracle=None, real=None):
    """The table *paper / here*: a list of (title, [Row]), without what the job did not measure.

    oracle, real: other words for the domain's own labelled set and for its images, where a table shows several domains.
    """
    oracle, real = oracle or training_set_name("oracle", job.domain), real or real_name(job.domain)
    groups = [(m.title.format(real=real), _measured_rows(m, job, oracle)) for m in MEASURES]
    groups.insert(3, ("Refined against synthetic", _against_rows(job, oracle)))
    groups.insert(4, ("Refined against histogram-matched", _own_part_rows(job)))
    groups.insert(5, ("Shift of the pupil's centre by refinement, px in images 55 px wide", _pupil_rows(job)))
    return [(title, rows) for title, rows in groups if rows]


def _measured_rows(measure, job, oracle):
    found = {kind: job.get(kind, measure.key) for kind in KINDS}
    if all(each is None for each in found.values()):
        return []
    mark = f" {MARK}" if no_better_than_matching(measure, job) else ""
    return [Row(oracle if kind == "oracle" else training_set_name(kind, job.domain), measure.published.get(kind, MISSING),
                shown_with_interval(found[kind], measure.form, measure.factor) + (mark if kind == "refined" else ""))
            for kind in KINDS if found[kind] is not None or kind in measure.published]


def no_better_than_matching(measure, job):
    """Whether refined images are measured to be as bad as histogram-matched ones, or worse."""
    refined, matched = job.mean("refined", measure.key), job.mean("synthetic_matched", measure.key)
    return None not in (refined, matched) and (refined <= matched if measure.rising else refined >= matched)


def _against_rows(job, oracle):
    fall = 100 * (1 - paper.GAZE_REFINED_ERROR.value / paper.GAZE_SYNTHETIC_ERROR.value)
    names = (("lower", "mean gaze error lower by, %", f"{fall:.0f} ({paper.GAZE_REFINED_ERROR.where})"),
             ("closed", f"gap to {oracle} closed, %", MISSING))
    found = against_synthetic(job)
    rows = [Row(name, theirs, shown(found[key], ".0f")) for key, name, theirs in names if key in found]
    share = matching_share(job)
    rows += [Row("share of the fall that matching alone has, %", MISSING, f"{share:.0f}")] if share is not None else []
    return rows + _difference_rows(job, "synthetic")


def _own_part_rows(job):
    """What the refiner adds to what enters it."""
    matched, refined = (job.mean(kind, "gaze_error_deg") for kind in ("synthetic_matched", "refined"))
    lower = [] if None in (matched, refined) else [
        Row("mean gaze error lower by, %", MISSING, f"{100 * (1 - refined / matched):.0f}")]
    return lower + _difference_rows(job, "synthetic_matched")


def _difference_rows(job, base):
    names = {"gaze_error_deg": "difference, degrees, seed by seed", "calibrated_error_deg": "the same, one offset taken away"}
    return [Row(name, MISSING, shown_difference(found)) for measure, name in names.items()
            if (found := seed_by_seed(job, "refined", base, measure)) and len(found["values"]) > 1]


def _pupil_rows(job):
    rows = [("mean ± deviation over images", quoted(paper.PUPIL_SHIFT, paper.PUPIL_SHIFT_SD), job.get("refined", "pupil_shift_px")),
            ("error of the pupil finder itself", MISSING, job.get("synthetic", "pupil_finder_px"))]
    return [Row(name, theirs, shown(found)) for name, theirs, found in rows if found is not None]


def notes(job):
    """What one must know to read the table, a sentence each."""
    seeds, real = len(job.seeds), real_name(job.domain)
    where = ("stand-in test images, other eyes of the kit's own simulator seen by a simulated bad camera; the paper "
             "measured on MPIIGaze, so its numbers are for orientation" if real == "stand-in" else
             f"test images of {job.domain}, of {job.first.get('apart', 'days')} that refinement never saw; the paper used other "
             "images of it")
    said = [f"Here: {where}."]
    said.append("One seed: how much runs differ was not measured." if seeds == 1 else
                f"{seeds} seeds; ± is the standard deviation between them, for the pupil between images." if seeds > 2 else
                "Two seeds: both values stand in place of a mean, for the pupil mean ± deviation between images.")
    rows = [row for _, rows in comparison(job) for row in rows]
    if any("[" in row.here for row in rows):
        said.append("[ ]: 95 % interval over the test images by bootstrap; whole days are drawn where there are days, whole "
                    "people where there are three. Of few, such as eight days, it comes out too narrow. Behind a difference: "
                    "over seeds, by Student's t.")
    said += [without] if (without := no_interval(job)) else []
    if any(MARK in row.here for row in rows):
        said.append(f"{MARK} no better than plain histogram matching, which learns nothing.")
    if any("reported" in row.paper for row in rows):
        said.append('"reported": recalled, not checked against the paper\'s text. The other numbers of the paper are from '
                    "Apple's article or from public sources about the paper.")
    return said


def no_interval(job):
    """Why means over test images have no 95 % interval, a sentence; "" where they have one."""
    days = list(job.first.get("days") or ())
    return f"No interval: all test images are of one day, {days[0]}, which does not show how days differ." if len(days) == 1 else ""


def format_table(job):
    """The table *paper / here* with its notes, as text for the terminal."""
    groups = comparison(job)
    rows = [row for _, rows in groups for row in rows]
    wide = max([len(row.name) for row in rows] + [20]) + 4
    middle = max([len(row.paper) for row in rows] + [5]) + 2
    lines = [" " * wide + f"{'paper':{middle}}here"]
    for title, rows in groups:
        lines += [title] + [f"  {row.name:{wide - 2}}{row.paper:{middle}}{row.here}" for row in rows]
    return "\n".join([*lines, "", *(textwrap.fill(note, 100, subsequent_indent="  ") for note in notes(job))])


# ---- sentences ----
def findings(job):
    """What the numbers say: does refinement help gaze, are labels kept, do the images look real?  Good news and bad alike."""
    return [said for make in (_gaze_finding, _pupil_finding, _realism_finding) if (said := make(job))]


def _gaze_finding(job):
    raw, matched, refined, oracle = (job.mean(kind, "gaze_error_deg") for kind in TRAINING_SETS)
    if None in (raw, refined):
        return None
    ours = f"trained on refined images is wrong by {refined:.2f} degrees, trained on synthetic images by {raw:.2f}"
    theirs = f"{paper.GAZE_REFINED_ERROR.value:g} and {paper.GAZE_SYNTHETIC_ERROR.value:g} degrees"
    said = [f"A gaze estimator {ours}: {100 * (1 - refined / raw):.0f} % less. The paper has {theirs}." if refined < raw else
            f"Refinement did not help on average: a gaze estimator {ours}. The paper has {theirs}; this run does not show that."]
    ours, theirs = (job.by_seed(kind, "gaze_error_deg") for kind in ("refined", "synthetic"))
    better = sum(ours[seed] < theirs[seed] for seed in ours.keys() & theirs.keys())
    said += [f"Refined is better than synthetic in {better} of {len(ours)} seeds{_decided(job)}."] if len(ours) > 1 else []
    if matched is not None:
        share = matching_share(job)
        said.append(f"Plain histogram matching, which learns nothing, gives {matched:.2f} degrees"
                    + (": refinement does not beat it." if refined >= matched else
                       f": {share:.0f} % of that fall; the refiner starts from there." if share and share > 0 else "."))
    if oracle is not None:
        said.append(f"Training on labelled {real_name(job.domain)} images, for reference only, gives {oracle:.2f}.")
    guess = job.first.get("mean_answer_error_deg")
    if guess is not None and refined >= guess:
        said.append(f"Always answering the mean gaze would be wrong by {guess:.2f} degrees: the estimator is no better than that.")
    return " ".join(said)


def _decided(job):
    """What three seeds or more say of the difference, as the end of a sentence."""
    found = seed_by_seed(job, "refined", "synthetic", "gaze_error_deg")
    if found is None or found["n"] < 3:
        return ""
    open_ = found["low"] <= 0 <= found["high"]
    return f"; the difference is {shown_difference(found)} degrees" + (", so these seeds do not decide it" if open_ else "")


def _pupil_finding(job):
    found = job.get("refined", "pupil_shift_px")
    if found is None or not known(found["mean"]):
        return None
    worse = ": here the labels are kept less well" if found["mean"] > paper.PUPIL_SHIFT.value else ""
    theirs = quoted(paper.PUPIL_SHIFT, paper.PUPIL_SHIFT_SD)
    said = f"Refinement moved the pupil's centre by {shown(found)} px, against {theirs}{worse}."
    if (own := job.mean("synthetic", "pupil_finder_px")) is not None:
        said += f" The pupil finder itself is wrong by {own:.2f} px on images whose pupil is known."
    if failed := job.mean("refined", "pupil_shift_px_failed"):
        said += f" In {100 * failed:.1f} % of the images it found none; they are not counted."
    return said


def _realism_finding(job):
    raw, refined = (job.mean(kind, "two_sample_accuracy") for kind in ("synthetic", "refined"))
    change, beyond = (job.mean("refined", name) for name in ("change", "beyond_tone"))
    said = []
    if None not in (raw, refined):
        said.append(f"A small network that learns to tell images from {real_name(job.domain)} ones is right on {100 * raw:.1f} % "
                    f"with synthetic and on {100 * refined:.1f} % with refined images; guessing gives 50 %.")
        said += ["By this measure refinement made them no more realistic."] if refined >= raw else \
                ["Refined images are still easily told."] if refined > 0.9 else []
    if no_better_than_matching(MEASURES[-1], job):
        said.append("By the kernel distance, histogram-matched images are at least as close as refined ones.")
    if None not in (change, beyond):
        said.append(f"Refinement changed a pixel by {change:.1f} of 255 gray levels on average; {100 * beyond:.0f} % of the "
                    "result's contrast is nothing that a tone curve could have done.")
        said += ["The refiner has all but collapsed to the identity."] if change < 2 else \
                ["It is little more than a tone curve."] if beyond < 0.02 else []
    return " ".join(said) or None


def not_measured(job):
    """What this run says nothing about, a sentence each."""
    said = ["Whether people can tell refined images from real ones (the paper's visual Turing test), and hand poses."]
    if real_name(job.domain) == "stand-in":
        said.append("Anything about photographs: the stand-in images come from the same simulator. They differ in skin, light and "
                    "camera, not in the ranges of lids, eyeballs, heads and gaze, so a gain on them is a best case. Run with "
                    "--real and MPIIGaze for more.")
    if len(job.seeds) == 1:
        said.append("How much another seed would differ; --seeds 3 shows it.")
    return said


# ---- how a table came about ----
def minutes_of(job):
    """Of all seeds and subjects together."""
    return sum(line["mean"] * line["seeds"] for (_, measure), line in job.summary.iterrows() if measure == "seconds") / 60


def made_by(job, subjects=None):
    """The commands, commits and machines of a job, or of some of its subjects, as Markdown."""
    commands, commits, machines = (job.each_said(name, subjects) for name in ("command", "commit", "hardware"))
    return f"{as_code(commands)}, commit {', '.join(commits)}, {', '.join(machines)}"


def as_code(commands):
    """Commands as Markdown."""
    return ", ".join(f"`{command}`" for command in commands)
