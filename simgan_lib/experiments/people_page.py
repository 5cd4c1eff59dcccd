"""Several real people: what each training set gives, person by person, and how much of the way to other people's labels.

`studies/people.py` measures it.
"""

import numpy as np

from ..evaluation.statistics import interval
from .study_tables import subjects
from .tables import MISSING, made_by, markdown_table, shown_difference

MEASURE = "gaze_error_deg of "             # and the person
OTHERS = "other people's, with labels"
HEAD = ["trained on", "degrees", "minus raw of the same prior", "of the way from raw to other people's labels, %"]


def measured_people(job):
    """{training set: {person: mean error in degrees, over seeds}}."""
    measures = [name for name in dict.fromkeys(job.rows["measure"]) if name.startswith(MEASURE)]
    return {subject: {name.removeprefix(MEASURE): job.mean(subject, name) for name in measures}
            for subject in subjects(job, measures[0])}


def people_rows(found):
    """Rows below HEAD of {training set: {person: degrees}}: means over people, and their 95 % intervals by Student's t.

    A set named "refined, prior" is compared with "raw, prior", person by person.  There is a way to go only where raw is behind
    other people's labels by more than chance.
    """
    rows = []
    for name, people in found.items():
        kind, _, prior = name.partition(", ")
        row = [name, _with_interval(list(people.values()), ".2f"), MISSING, MISSING]
        if (raw := found.get(f"raw, {prior}")) and kind != "raw":
            less = [people[each] - raw[each] for each in people]
            way = [raw[each] - found[OTHERS][each] for each in people]
            row[2:] = [_with_interval(less, "+.2f"), f"{-100 * np.mean(less) / np.mean(way):.0f}" if _above_0(way) else MISSING]
        rows.append(row)
    return rows


def _above_0(values):
    low = interval(values)["low"]
    return low is not None and low > 0


def _with_interval(values, form):
    return shown_difference(interval(values) | {"values": values}, form)


def people_parts(records):
    """Headings, tables and notes; nothing without records."""
    return [text for job in records.jobs(experiment="people") for text in _part(job)]


def _part(job):
    found = measured_people(job)
    people = list(next(iter(found.values())))
    each = [[name, *(f"{found[name][person]:.1f}" for person in people)] for name in found]
    return [f"## Several people: {job.domain}", markdown_table(HEAD, people_rows(found)),
            f"Mean over {len(people)} people, each of whom counts alike; [ ]: over people. The same for each of them:",
            markdown_table(["trained on", *people], each),
            "No network that judges a person has seen that person, with or without labels; the priors are another matter "
            "([how they were chosen](deviations.md#how-the-settings-were-chosen)). What each row is: the first lines of "
            f"`studies/people.py`. {made_by(job)}."]
