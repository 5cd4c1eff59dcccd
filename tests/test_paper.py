"""Published constants carry a grade and a place; recalled ones say so."""

from scipy.stats import binomtest

from simgan_lib.paper import GRADES, TURING_REFINED_RIGHT, TURING_SYNTHETIC_RIGHT, all_published


def test_each_has_a_known_grade_and_a_place():
    for name, published in all_published().items():
        assert published.grade in GRADES and published.where, name


def test_recalled_numbers_say_so():
    for published in all_published().values():
        assert ("reported" in str(published)) == (published.grade == "R")


def test_published_counts_give_the_published_p_values():
    assert abs(binomtest(int(TURING_REFINED_RIGHT.value), 1000, alternative="greater").pvalue - 0.148) < 0.001
    assert binomtest(int(TURING_SYNTHETIC_RIGHT.value), 200, alternative="greater").pvalue <= 1e-8
