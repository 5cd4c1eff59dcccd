"""The paper's numbers beside a run's own: as rows, as sentences, as text for the terminal.

All of it is made from the metrics of the run and from `paper`, so no new run can make a sentence wrong.  Where
refinement does not do what the paper says, the sentences say so.  Parts that a run did not measure may be missing.
Taught in: notebook 05.
"""

import math
import statistics
import textwrap
from dataclasses import dataclass

from .. import paper
from ..figures.base import real_name, training_set_name

KINDS = ("synthetic", "synthetic_4x", "synthetic_matched", "refined", "refined_4x", "oracle")     # in the table
MISSING = "—"
MARK = "†"                     # stands beside a refined number that is no better than histogram matching's


# ---- the table ----
@dataclass(frozen=True)
class Row:
    """One line: what was measured, the paper's number with its place, ours."""

    name: str
    paper: str
    here: str


@dataclass(frozen=True)
class Measure:
    """What is measured in the same way for several kinds of images."""

    key: str                   # of the metrics
    title: str                 # {real} stands for the name of the domain's images
    form: str                  # how a number is printed
    published: dict            # kind of images: the paper's column
    rising: bool = False       # larger is better
    factor: float = 1.0        # from the unit of the metrics to the title's


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


def mean_of(entry):
    """The mean of an entry of the metrics, which is a number or {"mean": ...}; None where there is none.

    >>> mean_of({"mean": 2.0, "sd": None}), mean_of(3), mean_of(float("nan")), mean_of(None)
    (2.0, 3.0, None, None)
    """
    value = entry.get("mean") if isinstance(entry, dict) else entry
    return float(value) if value is not None and math.isfinite(value) else None


def shown(entry, form=".2f", factor=1.0):
    """An entry of the metrics as text, with its deviation where it has a place for one.

    >>> shown({"mean": 5.1, "sd": 0.25}), shown({"mean": 5.1, "sd": None}), shown(5.1), shown(None)
    ('5.10 ± 0.25', '5.10 ± —', '5.10', '—')
    """
    mean = mean_of(entry)
    if mean is None or not isinstance(entry, dict) or "sd" not in entry:
        return MISSING if mean is None else format(factor * mean, form)
    deviation = mean_of(entry["sd"])
    return f"{factor * mean:{form}} ± {MISSING if deviation is None else format(factor * deviation, form)}"


def no_better_than_matching(measure, found):
    """Whether refined images are measured to be as bad as histogram-matched ones, or worse."""
    refined, matched = mean_of(found.get("refined")), mean_of(found.get("synthetic_matched"))
    return None not in (refined, matched) and (refined <= matched if measure.rising else refined >= matched)


def comparison(metrics):
    """The table *paper / here*: a list of (title, [Row]), without what the run did not measure."""
    metrics = with_deviations(metrics)
    groups = [(m.title.format(real=real_name(metrics["domain"])), _measured_rows(m, metrics)) for m in MEASURES]
    groups.insert(3, ("Refined against synthetic", _against_rows(metrics)))
    groups.insert(4, ("Shift of the pupil's centre by refinement, px in images 55 px wide", _pupil_rows(metrics)))
    return [(title, rows) for title, rows in groups if rows]


def with_deviations(metrics):
    """The metrics with {"mean", "sd"} in place of a bare mean where the run kept what it needs (older ones did not).

    >>> with_deviations({"kernel_distance": {"refined": 2.0}, "deviations": {"kernel_distance": {"refined": 0.5}}})
    {'kernel_distance': {'refined': {'mean': 2.0, 'sd': 0.5}}, 'deviations': {'kernel_distance': {'refined': 0.5}}}
    """
    def joined(mean, sd):
        return {key: joined(mean[key], sd[key]) for key in mean} if isinstance(mean, dict) else {"mean": mean, "sd": sd}
    kept = (metrics.get("deviations") or {}) | _ratio_deviations(metrics)
    return metrics | {key: joined(metrics[key], sd) for key, sd in kept.items() if metrics.get(key) is not None}


def _ratio_deviations(metrics):
    """Standard deviations over seeds of the ratios of mean errors, from the errors of each seed; None for one seed."""
    found = metrics.get("gaze_error_deg") or {}
    errors = [(found.get(kind) or {}).get("values") for kind in ("synthetic", "refined", "oracle")]
    if None in errors:
        return {}
    lower = [100 * (raw - refined) / raw for raw, refined, _ in zip(*errors)]
    closed = [100 * (raw - refined) / (raw - oracle) for raw, refined, oracle in zip(*errors) if raw > oracle]
    return {key: statistics.stdev(values) if len(values) > 1 else None
            for key, values in (("relative_reduction_percent", lower), ("gap_closed_percent", closed))}


def _measured_rows(measure, metrics):
    found = metrics.get(measure.key) or {}
    mark = f" {MARK}" if no_better_than_matching(measure, found) else ""
    return [Row(training_set_name(kind, metrics["domain"]), measure.published.get(kind, MISSING),
                shown(found.get(kind), measure.form, measure.factor) + _interval(found.get(kind), measure)
                + (mark if kind == "refined" else ""))
            for kind in KINDS if found and (kind in found or kind in measure.published)]


def _interval(entry, measure):
    """" [low, high]" of an entry that has an interval, else nothing."""
    ends = entry.get("interval") if isinstance(entry, dict) else None
    return f" [{', '.join(format(measure.factor * end, measure.form) for end in ends)}]" if ends else ""


def _against_rows(metrics):
    fall = 100 * (1 - paper.GAZE_REFINED_ERROR.value / paper.GAZE_SYNTHETIC_ERROR.value)
    oracle = training_set_name("oracle", metrics["domain"])
    theirs = f"{fall:.0f} ({paper.GAZE_REFINED_ERROR.where})"
    names = (("relative_reduction_percent", "mean gaze error lower by, %", theirs),
             ("gap_closed_percent", f"gap to {oracle} closed, %", MISSING))
    return [Row(name, theirs, shown(metrics[key], ".0f")) for key, name, theirs in names if key in metrics]


def _pupil_rows(metrics):
    found = metrics.get("pupil_shift_px") or {}
    rows = [Row("mean ± deviation over images", quoted(paper.PUPIL_SHIFT, paper.PUPIL_SHIFT_SD), shown(found))]
    if "estimator_error" in found:
        rows.append(Row("error of the pupil finder itself", MISSING, shown(found["estimator_error"])))
    return rows if found else []


def notes(metrics):
    """What one must know to read the table, a sentence each."""
    seeds, real = len(metrics["seeds"]), real_name(metrics["domain"])
    where = ("stand-in test images, other eyes of the kit's own simulator seen by a simulated bad camera; the paper "
             "measured on MPIIGaze, so its numbers are for orientation" if real == "stand-in" else
             f"test images of {metrics['domain']}, of days that refinement never saw; the paper used other images of it")
    said = [f"Here: {where}."]
    said.append(f"{seeds} seeds; ± is the standard deviation between them." if seeds > 1 else
                f"One seed: how much runs differ was not measured ({MISSING}).")
    rows = [row for _, rows in comparison(metrics) for row in rows]
    if any("[" in row.here for row in rows):
        said.append("[ ]: 95 % interval over the test images by bootstrap; whole days are drawn where there are days.")
    if any(MARK in row.here for row in rows):
        said.append(f"{MARK} no better than plain histogram matching, which learns nothing.")
    if any("reported" in row.paper for row in rows):
        said.append('"reported": recalled, not checked against the paper\'s text. The other numbers of the paper are from '
                    "Apple's article or from public sources about the paper.")
    return said


def format_table(metrics):
    """The table *paper / here* with its notes, as text for the terminal."""
    groups = comparison(metrics)
    rows = [row for _, rows in groups for row in rows]
    wide = max([len(row.name) for row in rows] + [20]) + 4
    middle = max([len(row.paper) for row in rows] + [5]) + 2
    lines = [" " * wide + f"{'paper':{middle}}here"]
    for title, rows in groups:
        lines += [title] + [f"  {row.name:{wide - 2}}{row.paper:{middle}}{row.here}" for row in rows]
    return "\n".join([*lines, "", *(textwrap.fill(note, 100, subsequent_indent="  ") for note in notes(metrics))])


# ---- sentences ----
def findings(metrics):
    """What the numbers say, sentence by sentence; good news and bad come out of the same comparisons."""
    makers = (_gaze_finding, _seeds_finding, _matching_finding, _within_finding, _gap_finding, _guess_finding,
              _pupil_finding, _told_finding, _distance_finding, _change_finding)
    return [sentence for make in makers if (sentence := make(metrics))]


def _means(metrics, key, *kinds):
    """Means of these kinds of images under one key of the metrics; None if one is missing."""
    means = [mean_of((metrics.get(key) or {}).get(kind)) for kind in kinds]
    return None if None in means else means


def _gaze_finding(metrics):
    if not (means := _means(metrics, "gaze_error_deg", "synthetic", "refined")):
        return None
    raw, refined = means
    theirs = f"{paper.GAZE_REFINED_ERROR.value:g} and {paper.GAZE_SYNTHETIC_ERROR.value:g} degrees"
    ours = f"trained on refined images is wrong by {refined:.2f} degrees, trained on synthetic images by {raw:.2f}"
    if refined >= raw:
        return f"Refinement did not help: a gaze estimator {ours}. The paper has {theirs}; this run does not show that."
    return f"A gaze estimator {ours}: {100 * (1 - refined / raw):.0f} % less. The paper has {theirs}."


def _seeds_finding(metrics):
    found = metrics.get("gaze_error_deg") or {}
    raw, refined = ((found.get(kind) or {}).get("values", []) for kind in ("synthetic", "refined"))
    better = sum(ours < theirs for ours, theirs in zip(refined, raw))
    return f"Refined is better than synthetic in {better} of {len(raw)} seeds." if len(raw) > 1 else None


def _matching_finding(metrics):
    if not (means := _means(metrics, "gaze_error_deg", "synthetic_matched", "refined")):
        return None
    matched, refined = means
    numbers = f"{refined:.2f} against {matched:.2f} degrees"
    found = metrics["gaze_error_deg"]
    spread = max(mean_of(found[kind].get("sd")) or 0 for kind in ("synthetic_matched", "refined"))
    if refined >= matched:
        return (f"Refinement does not beat plain histogram matching: {numbers}. Matching only gives each synthetic "
                "image the gray levels of the unlabelled ones, and learns nothing.")
    if matched - refined < spread:
        return (f"Refinement is ahead of plain histogram matching by less than the seeds differ among themselves "
                f"({spread:.2f} degrees), which decides nothing: {numbers}.")
    return f"Refinement beats plain histogram matching, which learns nothing: {numbers}."


def _within_finding(metrics):
    """Only said when bad, since it repeats the mean error otherwise."""
    found = metrics.get("within_7_deg") or {}
    refined, beaten_by = mean_of(found.get("refined")), []
    for kind in ("synthetic", "synthetic_matched"):
        other = mean_of(found.get(kind))
        if None not in (refined, other) and refined <= other:
            beaten_by.append(f"{training_set_name(kind, metrics['domain'])} images ({other:.1f} %)")
    if not beaten_by:
        return None
    return f"Within 7 degrees, refined images ({refined:.1f} %) do no better than {' and '.join(beaten_by)}."


def _gap_finding(metrics):
    closed, oracle = mean_of(metrics.get("gap_closed_percent")), _means(metrics, "gaze_error_deg", "oracle")
    if closed is None or oracle is None:
        return None
    share = f"{closed:.0f} %" if closed > 0 else "nothing"
    return (f"Training on {real_name(metrics['domain'])} images with their labels, for reference only, gives "
            f"{oracle[0]:.2f} degrees: refinement closes {share} of the gap between synthetic and that.")


def _guess_finding(metrics):
    guess, refined = mean_of(metrics.get("mean_answer_error_deg")), _means(metrics, "gaze_error_deg", "refined")
    if guess is None or refined is None:
        return None
    said = f"Always answering the mean gaze of the test images would be wrong by {guess:.2f} degrees"
    return said + (": even with refined images the estimator is no better than that." if refined[0] >= guess else ".")


def _pupil_finding(metrics):
    found = metrics.get("pupil_shift_px") or {}
    if (mean := mean_of(found)) is None:
        return None
    worse = ": here the labels are kept less well" if mean > paper.PUPIL_SHIFT.value else ""
    theirs = quoted(paper.PUPIL_SHIFT, paper.PUPIL_SHIFT_SD)
    said = f"Refinement moved the pupil's centre by {shown(found)} px, against {theirs}{worse}."
    if (own := mean_of(found.get("estimator_error"))) is not None:
        said += f" The pupil finder itself is wrong by {own:.2f} px on images whose pupil is known."
    if failed := mean_of(found.get("failed")):
        said += f" In {100 * failed:.1f} % of the images it found none; they are not counted."
    return said


def _told_finding(metrics):
    if not (means := _means(metrics, "two_sample_accuracy", "synthetic", "refined")):
        return None
    raw, refined = means
    said = (f"A small network that learns to tell images from {real_name(metrics['domain'])} ones is right on "
            f"{100 * raw:.1f} % with synthetic and on {100 * refined:.1f} % with refined images; guessing gives 50 %.")
    if refined >= raw:
        return said + " By this measure refinement made them no more realistic."
    return said + (" Refined images are still easily told." if refined > 0.9 else "")


def _distance_finding(metrics):
    """Only said when bad: the numbers themselves mean little."""
    if not (means := _means(metrics, "kernel_distance", "synthetic", "refined")):
        return None
    if means[1] >= means[0]:
        return "By the kernel distance, refined images are no closer than synthetic ones."
    if no_better_than_matching(MEASURES[-1], metrics["kernel_distance"]):
        return "By the kernel distance, histogram-matched images are at least as close as refined ones."
    return None


def _change_finding(metrics):
    """From the identity-collapse meter: did the refiner do anything, and more than a tone curve?"""
    refined = (metrics.get("collapse") or {}).get("refined")
    kept = refined if isinstance(refined, dict) else {}
    change, beyond = mean_of(kept.get("change")), mean_of(kept.get("beyond_tone"))
    if change is None or beyond is None:
        return None
    said = (f"Refinement changed a pixel by {change:.1f} of 255 gray levels on average; {100 * beyond:.0f} % of the "
            "result's contrast is nothing that a tone curve could have done.")
    if change < 2:
        return said + " The refiner has all but collapsed to the identity."
    return said + (" It is little more than a tone curve." if beyond < 0.02 else "")


def not_measured(metrics):
    """What this run says nothing about, a sentence each."""
    said = ["Whether people can tell refined images from real ones (the paper's visual Turing test), and hand poses."]
    if real_name(metrics["domain"]) == "stand-in":
        said.append("Anything about photographs: the stand-in images come from the same simulator, with other eyes "
                    "and a simulated bad camera. Run with --real and MPIIGaze for that.")
    parts = {"gaze_error_deg": "the gaze error", "within_7_deg": "the share of images within 7 degrees",
             "pupil_shift_px": "the shift of the pupil", "kernel_distance": "the kernel distance",
             "two_sample_accuracy": "whether a network can tell the images apart", "collapse": "how much was changed"}
    missing = [name for key, name in parts.items() if not metrics.get(key)]
    if missing:
        said.append(f"Missing from this run: {', '.join(missing)}.")
    if len(metrics["seeds"]) == 1:
        said.append("How much another seed would differ; --seeds 3 shows it.")
    return said
