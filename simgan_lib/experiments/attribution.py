"""What each step of the pipeline earns: by how much the mean gaze error falls from one training set to the next.

The way: synthetic, matched before, refined, matched after.  Matching is a tone curve, and no part of the published method.
Last comes what is left to the oracle, which no step has earned.
Each difference is paired, in two ways.  Over seeds: taken seed by seed, by Student's t; it says what another seed would change.
Over days: seeds are averaged, and the same drawn days count for both sets; it says what other test images would change.
The second needs sums by day; where test images have no days, images are drawn in their place.
Taught in: notebooks 00, 09.
"""

from dataclasses import dataclass

from .differences import seed_by_seed
from .domains import PROFILES
from .pipeline import NOT_AGAIN
from .records import known
from .tables import MISSING, markdown_table, shown_difference

MEASURE = "gaze_error_deg"
BEFORE, REFINER, AFTER, LEFT = "matching before", "the refiner", "matching after", "left to the domain's own labels"


@dataclass(frozen=True)
class Step:
    """From one training set to the next.  Positive degrees: the error is lower after it.

    gained: as `differences.seed_by_seed` gives it, {"mean", "low", "high", "values", ...}, over seeds.
    days: (low, high) over test days, or (None, None).  share: of the whole gain, %; None if that is not decided, or to the oracle.
    """

    title: str
    base: str
    subject: str
    before: float
    after: float
    gained: dict
    days: tuple
    share: float | None


def steps(job):
    """[Step] of a job, in the pipeline's order, the oracle last; [] without synthetic or refined images.

    A set that was not measured for all seeds merges its step with the next one: "the refiner, with the matching after".
    """
    seeds = job.by_seed("synthetic", MEASURE).keys()
    if not seeds or job.by_seed("refined", MEASURE).keys() != seeds:
        return []
    whole = _gain(job)
    found, base, pending = [], "synthetic", []
    for title, subject in _way(job):
        pending.append(title)
        if job.by_seed(subject, MEASURE).keys() == seeds:
            found.append(_step(job, _merged(pending), base, subject, whole))
            base, pending = subject, []
    return found


def _gain(job):
    """Degrees from synthetic to refined; 0 where it is not decided: a seed without it, or an interval that holds 0."""
    gained = seed_by_seed(job, "synthetic", "refined", MEASURE)
    sure = min(gained["values"]) > 0 and (len(gained["values"]) < 3 or gained["low"] > 0)
    return gained["mean"] if sure else 0


def _way(job):
    """[(title, the training set after that step)], as the profile has it."""
    again = _setting(job, "match_refined")
    return [*([(BEFORE, "synthetic_matched")] if _setting(job, "refine_from") == "synthetic_matched" else []),
            *([(REFINER, NOT_AGAIN), (AFTER, "refined")] if again else [(REFINER, "refined")]),
            (LEFT, "oracle")]


def _setting(job, name):
    """A setting of the job's profile; of the profile of that name today, where old records do not say it."""
    config = (job.first.get("job") or {}).get("config") or {}
    return config.get(name, getattr(PROFILES.get(job.profile, PROFILES["quick"]), name))


def _merged(titles):
    """Several steps' title.

    >>> _merged([REFINER, AFTER]), _merged([BEFORE, REFINER]), _merged([AFTER])
    ('the refiner, with the matching after', 'the refiner, with the matching before', 'matching after')
    """
    others = " and the ".join(title for title in titles if title != REFINER)
    return f"{REFINER}, with the {others}" if REFINER in titles and others else titles[0]


def _step(job, title, base, subject, whole):
    before, after = job.mean(base, MEASURE), job.mean(subject, MEASURE)
    share = 100 * (before - after) / whole if whole > 0 and subject != "oracle" else None
    gained, days = seed_by_seed(job, base, subject, MEASURE), _over_days(job, base, subject)
    return Step(title, base, subject, before, after, gained, days, share)


def _over_days(job, base, subject):
    """The interval of the difference over test days, of the mean over seeds; (None, None) where sums were not recorded."""
    rows = job.rows[(job.rows["measure"] == MEASURE) & job.rows["seed"].notna()]
    lines = [rows[rows["subject"] == kind].to_dict("records") for kind in (base, subject)]
    return job.resampled(*lines) if all(known(line["sums"]) for each in lines for line in each) else (None, None)


# ---- as text ----
def attribution_table(jobs):
    """Markdown: each step of each job, {heading of the job: Job}; nothing but a head for jobs without steps."""
    rows = [[name, step.title, f"{step.before:.2f}", f"{step.after:.2f}", shown_difference(step.gained),
             "{:+.2f} to {:+.2f}".format(*step.days) if known(step.days[0]) else MISSING,
             MISSING if step.share is None else f"{step.share:.0f}"] for name, job in jobs.items() for step in steps(job)]
    return markdown_table(["", "step", "before", "after", "gained, over seeds", "over days", "of the gain, %"], rows)


def headline(job):
    """What is the refiner's part, what matching's, in a sentence; "" without steps."""
    found = [step for step in steps(job) if step.subject != "oracle"]
    if not found:
        return ""
    change = found[-1].after - found[0].before
    parts = "; ".join(f"{step.title} {step.after - step.before:+.2f}" + ("" if step.share is None else f" ({step.share:.0f} %)")
                      for step in found)
    return f"From synthetic to refined eyes the error {'falls' if change < 0 else 'rises'} by {abs(change):.2f} degrees: {parts}."
