"""Intervals over seeds: Student's, and as often right as they say."""

import numpy as np
import pytest

from simgan_lib.evaluation.statistics import interval, paired_interval


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
    low, high = paired_interval(luck + 1 + noise, luck)
    assert 0.7 < low < 1 < high < 1.3 and interval(luck + 1)["high"] - interval(luck + 1)["low"] > 5


def test_pairs_are_needed():
    for values, base in (([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0])):
        with pytest.raises(ValueError, match="at least two"):
            paired_interval(values, base)
