"""The part of docs/results.md about hands: the paper's Table 4 on stand-in hands, or on NYU."""

from .. import paper
from ..evaluation.hands import TOLERANCE
from .study_tables import arms_table, differences_table, over_seeds
from .tables import MISSING, made_by, minutes_of, quoted

PUBLISHED = {"synthetic": paper.HANDS_SYNTHETIC, "refined": paper.HANDS_REFINED, "real": paper.HANDS_REAL,
             "synthetic 3x": paper.HANDS_SYNTHETIC_3X, "refined 3x": paper.HANDS_REFINED_3X}
MEASURES = {"max_within_5_heat_map_px": ("% within 5 px of the heat map", ".1f"), "curve_mean_percent": ("% over the curve", ".1f"),
            "joint_error_mm": ("mean joint error, mm", ".2f")}
KEPT = {"hand_kept_percent": ("% of the hand's pixels kept", ".1f"), "painted_percent": ("% painted beside it", ".1f"),
        "joints_kept_percent": ("% of seen joints kept", ".1f"), "joint_depth_mm": ("depth at seen joints off by, mm", ".2f")}
BY_CAMERA, ALONE = "synthetic by the camera", "synthetic by the camera, nothing behind"
PAIRS = (("refined", "synthetic"), ("refined 3x", "synthetic 3x"), ("refined", "refined without history"), (BY_CAMERA, "synthetic"),
         (ALONE, "synthetic"), ("real", "synthetic"), ("synthetic, 100 real labels", "synthetic"),
         ("refined, 100 real labels", "synthetic, 100 real labels"), ("synthetic, 100 real labels", "100 real labels alone"))


def hands_parts(records):
    """Headings, tables and notes; nothing without records."""
    return [text for job in records.jobs(experiment="hands") for text in _part(job)]


def _cell(job, subject, measure, form):
    if measure == "published":
        return quoted(PUBLISHED[subject]) if subject in PUBLISHED else MISSING
    return over_seeds(job, subject, measure, form)


def _part(job):
    columns = {**MEASURES, "published": ("paper, NYU: % within 5 px", "")}
    return [f"## Hands: the paper's Table 4 on {job.domain}, `{job.profile}`",
            arms_table(job, columns, "trained on", cell=_cell),
            "Only orders can be compared with the paper's: other hands, and in `small` a smaller estimator and fewer updates.",
            differences_table(job, PAIRS, MEASURES),
            f"What stays where it was, within {TOLERANCE:g} mm of depth:", arms_table(job, KEPT, "hands", cell=over_seeds),
            "The share is of frames whose largest joint error is at most 5 pixels of 64 across a cube of 300 mm: only so can the "
            "paper's be meant ([findings](findings.md#hands-what-holds-so-far)). *Over the curve*: its mean from 0 to 15 such "
            "pixels. [ ]: over seeds of simulated hands, networks and batches. What each row is: the first lines of "
            f"`studies/hands.py`. {made_by(job)}, {minutes_of(job):.0f} minutes on a machine with other work."]
