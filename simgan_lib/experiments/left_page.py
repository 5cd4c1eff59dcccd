"""What kind of error is left on the domain's test images, after training on each set: a part of docs/results.md.

`studies/what_is_left.py` measures it.
"""

from .study_tables import arms_table
from .tables import made_by, markdown_table, shown

EXPERIMENT, ALIKE = "what is left", "errors_alike"
MEASURES = {"gaze_error_deg": ("degrees", ".2f"), "calibrated_error_deg": ("one offset taken away", ".2f"),
            "affine_error_deg": ("an affine map", ".2f"), "affine_each_eye_error_deg": ("one for each eye", ".2f"),
            "pitch_follows": ("pitch follows", ".2f"), "yaw_follows": ("yaw follows", ".2f")}


def left_parts(jobs):
    """Headings, tables and notes; nothing without records."""
    return [text for job in jobs for text in _part(job)]


def _part(job):
    pairs = dict.fromkeys(job.rows.loc[job.rows["measure"] == ALIKE, "subject"])
    return [f"## What is left: {job.domain}, `{job.profile}`", arms_table(job, MEASURES, "trained on"),
            f"± over {len(job.seeds)} seeds. Degrees: mean gaze error as it is, and after what the test labels fit best was taken "
            "away from the answers: one offset, an affine map, an affine map for each eye. *Follows*: correlation of the answers "
            "with their labels. How alike the errors of two estimators are on the same images (correlation, each eye's mean "
            "taken away; mean over pitch and yaw):",
            markdown_table(["errors after training on", "correlation"], [[pair, shown(job.get(pair, ALIKE))] for pair in pairs]),
            f"{made_by(job)}."]
