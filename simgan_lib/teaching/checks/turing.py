"""Checks of notebook 10: the visual Turing test."""

from scipy.stats import binom, norm

from ...evaluation import turing
from .base import answer, expect


def binomial_p(mine):
    """The chance of so many right answers or more by guessing."""
    for right, n in ((7, 10), (3, 4), (33, 50), (4, 10)):
        exact = turing.binomial_p(right, n)
        one = float(binom.pmf(right, n, 0.5))
        expect(answer(mine, right, n), exact, {
            "the chance of just so many: those that are even better count, too": one,
            "the chance of more than that: so many count, too": exact - one,
            "the chance of so many or fewer: which tail is surprising?": 1 - exact + one,
            "the chance of fewer: which tail is surprising?": 1 - exact,
            "two-sided: only being right too often is evidence of seeing a difference": min(1.0, 2 * exact),
            "a normal curve in place of the exact sum": float(norm.sf((right - n / 2) / (n / 4) ** 0.5)),
            "a normal curve in place of the exact sum, with a correction": float(norm.sf((right - 0.5 - n / 2) / (n / 4) ** 0.5)),
            "the number of ways, not their share: divide by 2 ** n": exact * 2 ** n,
            "the share of right answers is no probability of getting them": right / n,
        })


def power(mine):
    """The chance that a subject with a given chance to be right is found out."""
    for n, share in ((20, 0.7), (50, 0.6), (100, 0.6)):
        least, right = int(turing.least_significant(n)), float(turing.power(n, share))
        expect(answer(mine, n, share), right, {
            "the chance of missing the subject: power is that of finding": 1 - right,
            "the subject still guesses: use its own chance to be right": float(binom.sf(least - 1, n, 0.5)),
            "the chance of just the least significant count: more is significant, too": float(binom.pmf(least, n, share)),
            "one answer too many is asked for: the least significant count is enough": float(binom.sf(least, n, share)),
            "one answer too few: that count is not yet significant": float(binom.sf(least - 2, n, share)),
            "the p-value of the expected count: power averages over all counts": turing.binomial_p(round(n * share), n),
        })
