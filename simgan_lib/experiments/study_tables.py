"""Tables of a study's records: what was measured of each subject, and differences of two subjects seed by seed."""

from scipy.stats import ttest_rel

from ..evaluation.statistics import interval
from .differences import seed_by_seed
from .records import known
from .tables import MISSING, markdown_table, shown, shown_difference


def subjects(job, measure):
    """In the order in which they were measured."""
    return list(dict.fromkeys(job.rows.loc[job.rows["measure"] == measure, "subject"]))


def arms_table(job, measures, first, names=None, cell=None):
    """A row for each subject, a column for each measure {name: (heading, form)}.

    cell: what is shown of (job, subject, measure, form); mean and deviation if it is not given.
    """
    cell = cell or (lambda job, subject, measure, form: shown(job.get(subject, measure), form))
    rows = [[(names or {}).get(subject, subject), *(cell(job, subject, measure, form) for measure, (_, form) in measures.items())]
            for subject in subjects(job, next(iter(measures)))]
    return markdown_table([first, *(heading for heading, _ in measures.values())], rows)


def over_seeds(job, subject, measure, form):
    """The mean over seeds and its 95 % interval by Student's t."""
    values = [value for value in job.by_seed(subject, measure).values() if known(value)]
    return shown_difference(interval(values) | {"values": values}, form) if values else MISSING


def differences_table(job, pairs, measures):
    """Differences seed by seed with their 95 % interval and p, both by Student's t."""
    rows = []
    for ours, theirs in pairs:
        for measure, (heading, form) in measures.items():
            found, one, other = seed_by_seed(job, ours, theirs, measure), job.by_seed(ours, measure), job.by_seed(theirs, measure)
            if found is None or found["low"] is None:
                continue
            chance = ttest_rel(list(one.values()), [other[seed] for seed in one]).pvalue if set(one) <= set(other) else None
            rows.append([f"{ours} - {theirs}", heading, shown_difference(found, f"+{form}"),
                         MISSING if chance is None else f"{chance:.2g}", str(found["n"])])
    return markdown_table(["difference", "of", "seed by seed", "p", "seeds"], rows) if rows else ""
