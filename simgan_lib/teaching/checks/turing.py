"""Checks of notebook 10: the visual Turing test."""

from math import ceil

from scipy.stats import binom, norm

from ...evaluation import turing
from .base import check, expect, plain, wrong_if


@check(turing.binomial_p, rounds=4)
def binomial_p(answer, draw):
    """The chance of so many right answers or more by guessing."""
    few, many = draw.integer(1, 12), draw.integer(1100, 1400)
    n = draw.integer(9, 12)
    cases = [(n // 2 + 2, n)] if draw.first else [(draw.integer(0, few), few), (0, few), (few, few)]
    for n, low, high in ((many, -1, 2), (draw.integer(13, 99), -1, 2), (draw.integer(100, 1099), -1, 2),
                         (draw.integer(100, 1099), 7, 9), (many, 9, 12)):          # in standard deviations
        cases.append((round(n / 2 + draw.number(low, high) * n**0.5 / 2), n))
    for right, n in cases:
        exact, half = turing.binomial_p(right, n), n**0.5 / 2
        one = float(binom.pmf(right, n, 0.5))
        found = answer(right, n)
        expect(found, exact, {
            "the chance of just so many: those that are even better count, too": one,
            "the chance of more than that: so many count, too": exact - one,
            "the chance of so many or fewer: which tail is surprising?": 1 - exact + one,
            "the chance of fewer: which tail is surprising?": 1 - exact,
            "twice as much: is it two-sided (only being right too often shows something), or divided by 2 ** (n - 1)?": 2 * exact,
            "two-sided: only being right too often is evidence of seeing a difference": min(1.0, 2 * exact),
            "half as much: there are 2 ** n rows of answers, not 2 ** (n + 1)": exact / 2,
            "all answers right is missing: the sum ends with n": exact - 0.5 ** n,
            "the chance that *these* answers are right: the others must be wrong, and there are many ways": 0.5 ** right,
            "the chance of one row of answers: how many rows have so many right ones?": 0.5 ** n,
            "a normal curve in place of the exact sum": float(norm.sf((right - n / 2) / half)),
            "a normal curve in place of the exact sum, with a correction": float(norm.sf((right - 0.5 - n / 2) / half)),
            "the number of ways, not their share: divide by 2 ** n": exact * 2.0 ** min(n, 1000),
            "the share of right answers is no probability of getting them": right / n,
        }, tolerance=1e-5)                                        # exact is asked: float32 loses more for many trials
        found = plain(found).item()
        wrong_if(abs(found / exact - 1) > 1e-5, "near, but not exact: small chances are lost when they are subtracted from 1, or "
                                                f"rounded (of {n} {right} are right: found {found:.6g}, expected {exact:.6g})")


NOT_NORMAL = (30, 37, 179, 213, 506)      # of up to a thousand trials, those in which a normal curve gives another k*


@check(turing.power, rounds=5)
def power(answer, draw):
    """The chance that a subject with a given chance to be right is found out."""
    fewest = draw.integer(15, 40) if draw.first else draw.one_of(1, 5, 100, 990)
    for n in (fewest + draw.integer(0, 9), fewest + 10, draw.one_of(*NOT_NORMAL)):
        share = draw.number(0.62, 0.8) if n < 100 else draw.one_of(0.55, 0.45, 0.6) + draw.number(-0.03, 0.03)
        if n == fewest + 10 and n < 20:
            share = draw.number(0.25, 0.38)                       # worse than chance is a chance, too
        _power(answer, n, share)
        _power(answer, n + 1, share)                              # for one of the two, one trial more asks for one answer more


def _power(answer, n, share):
    least, right = int(turing.least_significant(n)), float(turing.power(n, share))
    spread = (n * share * (1 - share)) ** 0.5
    expect(answer(n, share), right, {
        "the chance of missing the subject: power is that of finding": 1 - right,
        "the subject still guesses: use its own chance to be right": float(binom.sf(least - 1, n, 0.5)),
        "the chance of just the least significant count: more is significant, too": float(binom.pmf(least, n, share)),
        "the least significant count is that of a normal curve: the exact one is asked":
            float(binom.sf(ceil((n + 1 + norm.isf(0.05) * n**0.5) / 2) - 1, n, share)),
        "one answer too many is asked for: the least significant count is enough": float(binom.sf(least, n, share)),
        "one answer too few: that count is not yet significant": float(binom.sf(least - 2, n, share)),
        "the least significant count is that of one trial less": float(binom.sf(turing.least_significant(n - 1) - 1, n, share)),
        "the least significant count is that of one trial more": float(binom.sf(turing.least_significant(n + 1) - 1, n, share)),
        "a two-sided limit: p is one-sided here": float(binom.sf(binom.isf(0.025, n, 0.5), n, share)),
        "the p-value of the expected count: power averages over all counts": turing.binomial_p(round(n * share), n),
        "the p-value of the expected count, rounded down: power averages over all counts": turing.binomial_p(int(n * share), n),
        "a normal curve in place of the exact sum": float(norm.sf((least - n * share) / spread)),
        "a normal curve in place of the exact sum, with a correction": float(norm.sf((least - 0.5 - n * share) / spread)),
        "the false alarms of a guesser are taken away: power counts every finding": right - float(binom.sf(least - 1, n, 0.5)),
        "the subject's own chance is there, but not the limit: what is the least significant count?":
            float(binom.sf(n // 2, n, share)),
    })
