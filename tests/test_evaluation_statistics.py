"""Intervals over seeds, Student's, and over images or days, drawn again and again: as often right as they say."""

import numpy as np
import pytest

from simgan_lib.evaluation.statistics import (
    beyond_seeds,
    bootstrap_interval,
    curve_interval,
    interval,
    resampled_mean,
    sums_interval,
)


def test_intervals_are_student_s():
    found = interval([4.0, 5.0, 7.0])
    mean, sd = np.mean([4, 5, 7]), np.std([4, 5, 7], ddof=1)
    assert found["mean"] == pytest.approx(mean) and found["sd"] == pytest.approx(sd)
    assert found["high"] - mean == pytest.approx(4.302653 * sd / 3**0.5) == pytest.approx(mean - found["low"])
    assert interval([4.0]) == {"mean": 4.0, "sd": None, "n": 1, "low": None, "high": None}


def test_intervals_hold_the_truth_as_often_as_they_say():
    draws = np.random.default_rng(0).normal(2.0, 3.0, (2000, 3))
    inside = [(found := interval(row))["low"] <= 2.0 <= found["high"] for row in draws]
    assert 0.935 < np.mean(inside) < 0.965


def test_what_a_seed_does_to_both_falls_out_of_a_difference():
    rng = np.random.default_rng(1)
    luck, noise = rng.normal(0, 10, 5), rng.normal(0, 0.1, 5)
    assert beyond_seeds([luck + 1 + noise, luck - 1 - noise, luck + noise - noise.mean(), luck], luck).tolist() == [1, -1, 0, 0]
    assert interval(luck + 1)["high"] - interval(luck + 1)["low"] > 5


def test_settings_that_seeds_alone_could_explain_are_found_in_one_of_twenty():
    draws = np.random.default_rng(0).normal(0.0, 3.0, (2000, 3))
    assert 0.035 < np.abs(beyond_seeds(draws, np.zeros(3))).mean() < 0.065


def test_pairs_are_needed():
    for values, base in (([[1.0]], [2.0]), ([[1.0, 2.0]], [1.0, 2.0, 3.0])):
        with pytest.raises(ValueError, match="at least two"):
            beyond_seeds(values, base)


def test_intervals_hold_the_truth_about_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    found = [bootstrap_interval(rng.exponential(size=100), seed, resamples=300) for seed in range(300)]
    assert 0.90 < np.mean([r["low"] <= 1.0 <= r["high"] for r in found]) < 0.98


def test_near_duplicates_widen_the_interval_when_they_are_resampled_together():
    rng = np.random.default_rng(0)
    values, days = np.repeat(rng.normal(size=20), 50), np.repeat(np.arange(20), 50)
    alone, together = bootstrap_interval(values), bootstrap_interval(values, groups=days)
    width = [r["high"] - r["low"] for r in (alone, together)]
    assert 5 < width[1] / width[0] < 9       # sqrt(50) = 7.1
    assert alone["mean"] == together["mean"]


def test_intervals_of_many_values_are_drawn_in_parts():
    interval = bootstrap_interval(np.arange(300_000.0), resamples=20)
    assert interval["low"] < 149_999.5 < interval["high"]
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([])


def test_what_days_add_up_to_gives_the_interval_of_the_single_values():
    """To the last digit, and as drawn by hand: days as often as they come, their images all together."""
    rng = np.random.default_rng(2)
    values, days = rng.exponential(size=200), rng.integers(7, size=200)
    found = bootstrap_interval(values, seed=3, groups=days)
    assert sums_interval(np.bincount(days, values), np.bincount(days), seed=3) == (found["low"], found["high"])
    drawn = np.random.default_rng(3).integers(7, size=(1000, 7))
    assert (found["low"], found["high"]) == tuple(np.percentile(resampled_mean(values, days, drawn), [2.5, 97.5]))


def test_one_group_has_a_mean_and_no_interval():
    """Nothing shows how groups differ; an interval without width would say that they do not."""
    for values, groups in (([1.0, 2.0], ["a", "a"]), ([7.0], None)):
        assert bootstrap_interval(values, groups=groups) == {"mean": np.mean(values), "low": None, "high": None, "n": len(values)}
    assert sums_interval([5.0], [2]) == (None, None)
    low, high = curve_interval([1.0, 9.0], [0, 5, 10], groups=["a", "a"])
    assert low.shape == high.shape == (3,) and np.isnan([low, high]).all()


def test_an_interval_of_no_groups_is_refused():
    for totals, sizes in (([], []), ([1.0, 2.0], [3])):
        with pytest.raises(ValueError, match="at least one"):
            sums_interval(totals, sizes)
