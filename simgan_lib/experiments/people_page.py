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


def measured_people(job, seeds):
    """{training set: {person: mean error in degrees}} of the sets that were measured for all of these seeds, over them."""
    measures = [name for name in dict.fromkeys(job.rows["measure"]) if name.startswith(MEASURE)]
    found = {}
    for subject in subjects(job, measures[0]):
        values = {name.removeprefix(MEASURE): job.by_seed(subject, name) for name in measures}
        if all(seeds <= each.keys() for each in values.values()):
            found[subject] = {person: sum(each[seed] for seed in seeds) / len(seeds) for person, each in values.items()}
    return found


def _tables(job):
    """(rows below HEAD, [set, degrees of each person, ...]).  A set that lacks seeds is compared over those that it has."""
    every, parts, errors = set(job.seeds), {}, {}
    measure = next(name for name in job.rows["measure"] if name.startswith(MEASURE))
    for subject in subjects(job, measure):
        seeds = job.by_seed(subject, measure).keys()
        found = measured_people(job, seeds)
        name = subject + ("" if seeds == every else f" (seed {', '.join(map(str, sorted(seeds)))})")
        parts[name] = [name, *next(row for row in people_rows(found) if row[0] == subject)[1:]]
        errors[name] = [name, *(f"{degrees:.1f}" for degrees in found[subject].values())]
    return list(parts.values()), list(errors.values())


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
    rows, each = _tables(job)
    people = [name.removeprefix(MEASURE) for name in dict.fromkeys(job.rows["measure"]) if name.startswith(MEASURE)]
    return [f"## Several people: {job.domain}", markdown_table(HEAD, rows),
            f"Mean over {len(people)} people, each of whom counts alike, and over seeds; [ ]: over people. The same for each "
            "of them:",
            markdown_table(["trained on", *people], each),
            "No network that judges a person has seen that person, with or without labels; the priors are another matter "
            "([how they were chosen](deviations.md#how-the-settings-were-chosen)). What each row is: the first lines of "
            f"`studies/people.py`. {made_by(job)}."]
