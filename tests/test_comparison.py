"""The paper's numbers beside a run's: every sentence follows from the numbers.  All numbers of runs here are made up."""

import pytest

from simgan_lib.experiments.comparison import MARK, comparison, findings, format_table, not_measured, notes


def entry(mean, sd=0.1, n=3):
    values = [mean - 0.1, mean, mean + 0.1][:n]
    return {"mean": mean, "sd": sd if n > 1 else None, "n": n, "values": values}


def run(n=3, domain="stand-in", **gaze):
    """Made-up metrics of a run; gaze errors can be set by name."""
    gaze = {"synthetic": 8.0, "synthetic_matched": 7.0, "refined": 6.0, "oracle": 4.0, **gaze}
    return {"profile": "quick", "domain": domain, "seeds": list(range(n)),
            "gaze_error_deg": {key: entry(mean, n=n) for key, mean in gaze.items()},
            "within_7_deg": {key: entry(100 - 6 * mean, n=n) for key, mean in gaze.items()},
            "relative_reduction_percent": 25.0, "gap_closed_percent": 50.0, "mean_answer_error_deg": 9.0,
            "pupil_shift_px": {"mean": 0.7, "sd": 0.5, "n": 900, "failed": 0.02, "estimator_error": {"mean": 0.2, "sd": 0.1}},
            "two_sample_accuracy": {"synthetic": 0.99, "synthetic_matched": 0.95, "refined": 0.8},
            "kernel_distance": {"synthetic": 0.03, "synthetic_matched": 0.02, "refined": 0.01},
            "collapse": {"synthetic": {"change": 0.0, "beyond_tone": 0.0}, "refined": {"change": 30.0, "beyond_tone": 0.2}}}


def said(metrics):
    return " ".join(findings(metrics))


def cells(metrics, title):
    """{name: (paper, here)} of the group whose title starts so."""
    rows, = (rows for found, rows in comparison(metrics) if found.startswith(title))
    return {row.name: (row.paper, row.here) for row in rows}


def test_each_number_stands_beside_the_papers_with_its_place():
    gaze = cells(run(), "Mean gaze error")
    assert gaze["synthetic"] == ("11.2 (Table 3)", "8.00 ± 0.10") and gaze["refined"][0] == "7.8 (Table 3)"
    assert gaze["histogram-matched"] == ("—", "7.00 ± 0.10") and gaze["stand-in with labels"][1] == "4.00 ± 0.10"
    assert cells(run(), "Shift of the pupil")["mean ± deviation over images"] == ("1.1 ± 0.8 (article, Figure 9)",
                                                                               "0.70 ± 0.50")
    assert cells(run(), "Refined against")["mean gaze error lower by, %"] == ("30 (Table 3)", "25 ± 0")
    assert cells(run(), "Told from")["refined"] == ("people: 51.7 (Table 1)", "80.0")


def test_deviations_over_seeds_are_shown_where_the_run_kept_them():
    kept = run() | {"deviations": {"two_sample_accuracy": {"synthetic": 0.002, "synthetic_matched": 0.01, "refined": 0.025}}}
    assert cells(kept, "Told from")["refined"][1] == "80.0 ± 2.5" and cells(run(), "Told from")["refined"][1] == "80.0"


def test_ratios_deviate_as_the_errors_of_the_seeds_say():
    metrics = run()
    metrics["gaze_error_deg"]["refined"]["values"] = [3.95, 6.0, 8.1]               # of 7.9, 8.0, 8.1 synthetic: 50, 25, 0 %
    metrics["gaze_error_deg"]["oracle"]["values"] = [0.0, 4.0, 8.1]                 # the last seed has no gap to close
    assert cells(metrics, "Refined against")["mean gaze error lower by, %"][1] == "25 ± 25"
    assert cells(metrics, "Refined against")["gap to stand-in with labels closed, %"][1] == "50 ± 0"
    assert cells(run(1), "Refined against")["mean gaze error lower by, %"][1] == "25 ± —"


def test_recalled_numbers_are_called_reported():
    within = cells(run(), "Test images within 7")
    assert within["synthetic"][0] == "62.3 reported (Table 2)" and within["refined, 4 x as many"] == ("87.2 (Table 2)", "—")
    assert any(note.startswith('"reported"') for note in notes(run()))


def test_one_seed_has_a_dash_for_its_deviation():
    assert cells(run(1), "Mean gaze error")["refined"][1] == "6.00 ± —"
    assert any("One seed" in note for note in notes(run(1))) and "--seeds 3" in " ".join(not_measured(run(1)))


def test_three_seeds_say_in_how_many_refined_is_better():
    assert any(note.startswith("3 seeds") for note in notes(run(3)))
    assert "Refined is better than synthetic in 3 of 3 seeds" in said(run(3))
    assert "seeds" not in said(run(1))


def test_a_good_run():
    text = said(run())
    assert "25 % less" in text and "beats plain histogram matching" in text and "closes 50 % of the gap" in text
    assert MARK not in format_table(run()) and "did not help" not in text and "no better" not in text


def test_refinement_that_does_not_help_is_called_so():
    assert "Refinement did not help" in said(run(refined=8.2)) and "% less" not in said(run(refined=8.2))


@pytest.mark.parametrize("matched", [6.0, 5.9])
def test_refinement_that_does_not_beat_histogram_matching(matched):
    """Where they are equal, too: a tie with what learns nothing is no success."""
    metrics = run(synthetic_matched=matched)
    assert "does not beat plain histogram matching" in said(metrics)
    assert cells(metrics, "Mean gaze error")["refined"][1].endswith(MARK)
    assert any(note.startswith(MARK) for note in notes(metrics)) and MARK in format_table(metrics)


def test_a_lead_over_matching_smaller_than_the_spread_decides_nothing():
    assert "decides nothing" in said(run(synthetic_matched=6.05))
    assert "decides nothing" not in said(run(1, synthetic_matched=6.05))          # one seed: its spread is not known


def test_the_share_within_7_degrees_is_mentioned_where_it_disagrees():
    metrics = run()
    assert "Within 7 degrees" not in said(metrics)
    metrics["within_7_deg"]["synthetic_matched"]["mean"] = 90.0
    assert "do no better than histogram-matched images (90.0 %)" in said(metrics)


@pytest.mark.parametrize("key, values, sentence", [
    ("gap_closed_percent", -3.0, "closes nothing of the gap"),
    ("mean_answer_error_deg", 5.0, "no better than that"),
    ("pupil_shift_px", {"mean": 1.4, "sd": 1.0, "n": 9}, "the labels are kept less well"),
    ("two_sample_accuracy", {"synthetic": 0.9, "refined": 0.93}, "no more realistic"),
    ("two_sample_accuracy", {"synthetic": 0.99, "refined": 0.95}, "still easily told"),
    ("kernel_distance", {"synthetic": 0.1, "refined": 0.2}, "no closer than synthetic"),
    ("kernel_distance", {"synthetic": 0.3, "synthetic_matched": 0.1, "refined": 0.2}, "at least as close as refined"),
    ("collapse", {"refined": {"change": 0.5, "beyond_tone": 0.5}}, "collapsed to the identity"),
    ("collapse", {"refined": {"change": 40.0, "beyond_tone": 0.01}}, "little more than a tone curve"),
])
def test_other_bad_news_is_said(key, values, sentence):
    assert sentence in said(run() | {key: values}) and sentence not in said(run())


def test_stand_in_eyes_are_never_called_real():
    metrics = run()
    text = " ".join([said(metrics), format_table(metrics), *notes(metrics)])
    assert "stand-in" in text and " real " not in text
    assert any(item.startswith("Anything about photographs") for item in not_measured(metrics))


def test_real_eyes_are():
    metrics = run(domain="MPIIGaze")
    assert "stand-in" not in said(metrics) + format_table(metrics) + " ".join(not_measured(metrics))
    assert "real with labels" in cells(metrics, "Mean gaze error")


@pytest.mark.parametrize("key", [key for key in run() if key not in ("profile", "domain", "seeds")])
def test_any_part_may_be_missing_or_null(key):
    without = {name: value for name, value in run().items() if name != key}
    for metrics in (without, without | {key: None}):
        assert "—" in format_table(metrics) and set(findings(metrics)) <= set(findings(run()))


def test_a_run_that_measured_nothing():
    bare = {"profile": "quick", "domain": "stand-in", "seeds": [0]}
    assert findings(bare) == [] and comparison(bare) == []
    assert "the gaze error, the share of images within 7 degrees" in " ".join(not_measured(bare))
    assert "paper" in format_table(bare)


def test_lines_of_the_text_table_fit_a_terminal():
    assert max(map(len, format_table(run()).splitlines())) <= 100
