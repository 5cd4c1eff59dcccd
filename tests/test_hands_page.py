"""The part of the results page about hands says what the records say."""

import pytest

from simgan_lib.experiments.hands_page import hands_parts
from simgan_lib.experiments.records import Records, row, run_line

MEASURED = {
    ("synthetic", "max_within_5_heat_map_px"): [30.0, 31.0, 32.0], ("refined", "max_within_5_heat_map_px"): [29.0, 31.0, 30.0],
    ("synthetic", "joint_error_mm"): [20.0, 21.0, 22.0], ("refined", "joint_error_mm"): [19.0, 20.5, 21.0],
    ("refined", "hand_kept_percent"): [80.0, 90.0, 70.0],
    ("refined", "curve_mean_percent"): [50.0, 51.0, 52.0], ("all", "seconds"): [60.0, 60.0, 120.0]}


@pytest.fixture
def page():
    run = run_line("hands", "small", "stand-in hands", {}, command="python studies/hands.py", commit="abc", hardware="a CPU")
    lines = [row(seed, *where, value) for where, values in MEASURED.items() for seed, value in enumerate(values)]
    return "\n".join(hands_parts(Records.of_run(run, lines)))


def cells(page, first):
    """The rows that begin with this cell, their cells."""
    rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|"))
    return [others for begins, *others in rows if begins == first]


def test_shares_errors_and_what_is_kept_are_means_with_intervals_over_seeds(page):
    assert cells(page, "refined") == [["30.0 [27.5, 32.5]", "51.0 [48.5, 53.5]", "20.17 [17.58, 22.75]", "72.4 reported (Table 4)"],
                                      ["80.0 [55.2, 104.8]", "—", "—", "—"]]


def test_differences_have_their_sign_and_are_taken_seed_by_seed(page):
    assert cells(page, "refined - synthetic") == [
        ["% within 5 px of the heat map", "-1.0 [-3.5, +1.5]", "0.23", "3"],
        ["mean joint error, mm", "-0.83 [-1.55, -0.12]", "0.038", "3"]]


def test_who_made_it_is_said(page):
    assert "`python studies/hands.py`, commit abc, a CPU, 4 minutes on a machine with other work." in page


def test_without_records_nothing_is_said():
    assert hands_parts(Records.of_run(run_line("forgetting", "full", "digits", {}), [])) == []
