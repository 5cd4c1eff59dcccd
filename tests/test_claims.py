"""The table of the two neighbouring papers' claims says what the records say, and no more."""

from dataclasses import replace

import pytest

from simgan_lib import paper
from simgan_lib.experiments.claims import CLAIMS, Claim, claims_table
from simgan_lib.experiments.neighbours_page import neighbours_parts
from simgan_lib.experiments.records import RECORDED, Records, row, run_line
from simgan_lib.experiments.results_page import read_all

HERE = Claim("It helps", "SS-GAN, Figure 3", "ours - theirs", "forgetting", "rotation", "none", "carry_over", "+.3f")


def records(values, experiment="forgetting", domain="digits"):
    """values: {(subject, measure): its number for each seed}."""
    return Records.of_run(run_line(experiment, "full", domain, {}, command="python studies/forgetting.py", commit="abc"), [
        row(seed, *where, value) for where, numbers in values.items() for seed, value in enumerate(numbers)])


def cells(table, first):
    """The cells behind the first of the row that begins with it."""
    found, = [line for line in table.splitlines() if line.startswith(f"| {first} ")]
    return [cell.strip() for cell in found.split("|")[2:-1]]


def test_a_difference_is_taken_seed_by_seed_with_its_interval():
    """By hand: differences .1, .2, .3; 4.303 deviations of .1 over the root of 3 to each side."""
    measured = records({("rotation", "carry_over"): [0.5, 0.8, 0.7], ("none", "carry_over"): [0.4, 0.6, 0.4]})
    assert HERE.rows(measured) == [["It helps", "ours - theirs", "+0.200 [-0.048, +0.448]", "SS-GAN, Figure 3", "3, digits",
                                    "`studies/forgetting.py`"]]


def test_a_claim_that_falls_the_other_way_has_the_other_sign_and_the_same_words():
    better, worse = ({("rotation", "carry_over"): [0.5 + by, 0.5 + by], ("none", "carry_over"): [0.5, 0.5]} for by in (0.25, -0.25))
    (*said, for_it, _, _, _), (*unsaid, against, _, _, _) = (HERE.rows(records(values))[0] for values in (better, worse))
    assert said == unsaid and (for_it, against) == ("+0.250, +0.250", "-0.250, -0.250")


def test_without_a_base_it_is_the_value_itself():
    alone = replace(HERE, base=None, form=".2f")
    assert alone.rows(records({("rotation", "carry_over"): [1.0, 2.0, 3.0]}))[0][2] == "2.00 [-0.48, 4.48]"


def test_one_seed_has_no_interval():
    assert replace(HERE, base=None).rows(records({("rotation", "carry_over"): [0.5]}))[0][2] == "+0.500"


@pytest.mark.parametrize("values", [{}, {("rotation", "carry_over"): [0.5]}, {("none", "carry_over"): [0.5]}])
def test_what_was_not_measured_is_not_run(values):
    assert HERE.rows(records(values))[0][2:] == ["not run", "SS-GAN, Figure 3", "—", "`studies/forgetting.py`"]


def test_each_data_set_has_a_row():
    both = {("rotation", "carry_over"): [0.5], ("none", "carry_over"): [0.25]}
    one, other = records(both), records(both, domain="MNIST")
    joined = Records.of([*one.runs.values(), *other.runs.values()], [*one.rows.to_dict("records"), *other.rows.to_dict("records")])
    assert [each[4] for each in HERE.rows(joined)] == ["1, digits", "1, MNIST"]


def test_published_numbers_stand_with_their_place_and_recalled_ones_say_so():
    number = paper.Published(17.5, "", "B", "a README")
    assert replace(HERE, published=(number,)).place() == "17.5 (a README)"
    recalled = (number, replace(number, value=14.5, grade="R"))
    assert replace(HERE, published=recalled).place() == "17.5 to 14.5 (reported) (a README)"


def test_no_claim_has_a_number_that_is_not_of_the_list_of_published_ones():
    places, known = {"our question", "RepurposeGAN", "SS-GAN, Figure 2", "SS-GAN, Figure 3"}, paper.all_published().values()
    for claim in CLAIMS:
        assert claim.published in places or all(number in known for number in claim.published), claim.said


def test_every_claim_has_a_row_of_the_one_table():
    table = claims_table(records({}))
    assert len({claim.said for claim in CLAIMS}) == len(CLAIMS) == table.count("| not run ") == len(table.splitlines()) - 2


def test_the_claims_ask_for_what_the_studies_measure():
    """A claim that is open only because its name is wrong would look like one that nobody ran."""
    table, found = claims_table(read_all(RECORDED)), read_all(RECORDED)
    run = {job.experiment for job in found.jobs()}
    for claim in CLAIMS:
        assert (cells(table, claim.said)[1] != "not run") == (claim.experiment in run), claim.said


def test_the_table_stands_first_among_the_neighbours_and_only_where_one_was_measured():
    assert neighbours_parts(records({("gray", "gaze_error_deg"): [1.0]}, "twins")) == []
    heading, table, *_ = neighbours_parts(records({(arm, measure): [0.5, 0.75] for arm in ("none", "rotation", "shuffled")
                                                   for measure in ("balanced_accuracy_20", "carry_over", "seconds")}))
    assert heading.startswith("## The neighbours")
    assert cells(table, "With them tasks are carried over")[1:4] == ["+0.000, +0.000", "SS-GAN, Figure 3", "2, digits"]
    assert cells(table, "A GAN's features end better with them")[1] == "not run"
