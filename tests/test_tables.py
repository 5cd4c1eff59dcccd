"""The paper's numbers beside a run's: every sentence follows from the numbers.  All numbers of runs here are made up."""

import pytest

from simgan_lib.experiments.differences import against_synthetic, matching_share, seed_by_seed
from simgan_lib.experiments.records import Records, row, run_line
from simgan_lib.experiments.tables import (
    MARK,
    comparison,
    findings,
    format_table,
    markdown_table,
    not_measured,
    notes,
    text_table,
)

GAZE = {"synthetic": 8.0, "synthetic_matched": 7.0, "refined": 6.0, "oracle": 4.0}
OTHERS = {("refined", "pupil_shift_px"): 0.7, ("synthetic", "pupil_finder_px"): 0.2, ("refined", "pupil_shift_px_failed"): 0.02,
          ("synthetic", "two_sample_accuracy"): 0.99, ("synthetic_matched", "two_sample_accuracy"): 0.95,
          ("refined", "two_sample_accuracy"): 0.8, ("synthetic", "kernel_distance"): 0.03,
          ("synthetic_matched", "kernel_distance"): 0.02, ("refined", "kernel_distance"): 0.01,
          ("refined", "change"): 30.0, ("refined", "beyond_tone"): 0.2}
SPREAD = {1: [0.0], 2: [-0.1, 0.1], 3: [-0.1, 0.0, 0.1]}


def run(n=3, domain="stand-in", without=(), guess=9.0, changed=None, **gaze):
    """A made-up Job of n seeds; gaze errors are set by name, others in `changed`: {(subject, measure): value}."""
    values = {(kind, "gaze_error_deg"): mean for kind, mean in (GAZE | gaze).items()}
    values |= {(kind, "within_7_deg"): 100 - 6 * mean for kind, mean in (GAZE | gaze).items()} | OTHERS | (changed or {})
    about = run_line("reproduce", "quick", domain, {}, mean_answer_error_deg=guess)
    rows = []
    for (subject, measure), value in values.items():
        more = {"n": 100, "sd": 0.5} if measure in ("pupil_shift_px", "pupil_finder_px") else {}
        apart = SPREAD[n] if "_deg" in measure else [0.0] * n
        rows += [{"run": about["run"], **row(seed, subject, measure, value + apart[seed], **more)} for seed in range(n)
                 if measure not in without]
    return Records.of([about], rows).jobs()[0]


def said(job):
    return " ".join(findings(job))


def cells(job, title):
    """{name: (paper, here)} of the group whose title starts so."""
    rows, = (rows for found, rows in comparison(job) if found.startswith(title))
    return {line.name: (line.paper, line.here) for line in rows}


def test_a_markdown_table_has_columns_of_one_width():
    assert len({len(line) for line in markdown_table(["a", "bb"], [["ccc", "d"], ["e", "ffff"]]).splitlines()}) == 1


def test_each_number_stands_beside_the_papers_with_its_place():
    gaze = cells(run(), "Mean gaze error")
    assert gaze["synthetic"] == ("11.2 (Table 3)", "8.00 ± 0.10") and gaze["refined"][0] == "7.8 (Table 3)"
    assert gaze["histogram-matched"] == ("—", "7.00 ± 0.10") and gaze["stand-in with labels"][1] == "4.00 ± 0.10"
    assert cells(run(), "Shift of the pupil")["mean ± deviation over images"] == ("1.1 ± 0.8 (article, Figure 9)", "0.70 ± 0.50")
    assert cells(run(), "Refined against synthetic")["mean gaze error lower by, %"] == ("30 (Table 3)", "25 ± 0")
    assert cells(run(), "Told from")["refined"] == ("people: 51.7 (Table 1)", "80.0 ± 0.0")


def test_words_for_the_domain_can_be_others():
    titles = dict(comparison(run(), oracle="its own", real="the domain's"))
    assert "Told from the domain's images by a network, % right (50: by guessing)" in titles
    assert "its own" in [line.name for line in titles["Mean gaze error, degrees, after training on"]]


def test_the_gap_is_that_between_synthetic_and_the_domains_own_labels():
    found = against_synthetic(run(1, synthetic=8.0, synthetic_matched=7.5, refined=6.5, oracle=5.0))
    assert {name: each["mean"] for name, each in found.items()} == pytest.approx({"lower": 100 * 1.5 / 8, "closed": 50})


def test_ratios_are_of_the_means_and_deviate_as_the_seeds_say():
    job = run()
    errors = {"refined": [3.95, 6.0, 8.1], "oracle": [0.0, 4.0, 8.1]}       # of 7.9, 8.0, 8.1 synthetic: 50, 25, 0 % lower
    for kind, values in errors.items():                                   # and the last seed has no gap to close
        with_seeds(job, kind, values)
    found = against_synthetic(job)
    assert found["lower"]["mean"] == pytest.approx(100 * (8 - 18.05 / 3) / 8) and found["lower"]["sd"] == pytest.approx(25)
    assert found["closed"]["sd"] == pytest.approx(0, abs=1e-6)


def with_seeds(job, kind, values):
    """The job, the gaze errors of one kind being others, seed by seed."""
    chosen = (job.rows["subject"] == kind) & (job.rows["measure"] == "gaze_error_deg")
    job.rows.loc[chosen, "value"] = values
    return job


def test_what_matching_has_of_the_gain_stands_beside_what_the_refiner_adds():
    against, own = cells(run(), "Refined against synthetic"), cells(run(), "Refined against histogram-matched")
    assert against["share of the fall that matching alone has, %"][1] == "50" and own["mean gaze error lower by, %"][1] == "14"
    assert matching_share(run(synthetic_matched=9.0)) == pytest.approx(-50) and matching_share(run(refined=8.5)) is None


def test_a_difference_is_taken_seed_by_seed():
    """7.9, 8.0, 8.1 for synthetic eyes: the seeds' own luck falls out."""
    job = with_seeds(run(), "refined", [7.4, 7.4, 7.4])
    assert seed_by_seed(job, "refined", "synthetic", "gaze_error_deg")["values"] == pytest.approx([-0.5, -0.6, -0.7])
    assert cells(job, "Refined against synthetic")["difference, degrees, seed by seed"][1] == "-0.60 [-0.85, -0.35]"
    assert "-0.60 [-0.85, -0.35] degrees." in said(job) and "decide" not in said(job)
    assert seed_by_seed(job, "refined", "no such", "gaze_error_deg") is None


def test_a_gain_that_the_seeds_do_not_decide_is_called_so():
    assert "so these seeds do not decide it" in said(with_seeds(run(), "refined", [7.8, 7.9, 7.1]))


def test_two_seeds_are_shown_as_they_are():
    job = run(2)
    assert cells(job, "Mean gaze error")["refined"][1] == "5.90, 6.10"
    assert cells(job, "Refined against synthetic")["difference, degrees, seed by seed"][1] == "-2.00, -2.00"
    assert cells(job, "Shift of the pupil")["mean ± deviation over images"][1] == "0.70 ± 0.50"       # that one is over images
    assert any(note.startswith("Two seeds") for note in notes(job))


def test_recalled_numbers_are_called_reported():
    within = cells(run(), "Test images within 7")
    assert within["synthetic"][0] == "62.3 reported (Table 2)" and within["refined, 4 x as many"] == ("87.2 (Table 2)", "—")
    assert any(note.startswith('"reported"') for note in notes(run()))


def test_one_seed_has_no_deviation():
    assert cells(run(1), "Mean gaze error")["refined"][1] == "6.00" and "± —" not in format_table(run(1))
    assert any("One seed" in note for note in notes(run(1))) and "--seeds 3" in " ".join(not_measured(run(1)))


def test_three_seeds_say_in_how_many_refined_is_better():
    assert any(note.startswith("3 seeds") for note in notes(run(3)))
    for matched in (5.0, 7.0):
        assert "Refined is better than synthetic in 3 of 3 seeds" in said(run(3, synthetic_matched=matched))
    assert "seeds" not in said(run(1))


def test_a_good_run_has_three_findings():
    text = said(run())
    assert "25 % less" in text and "gives 7.00 degrees: 50 % of that fall;" in text and "for reference only, gives 4.00" in text
    assert len(findings(run())) == 3
    assert MARK not in format_table(run()) and "did not help" not in text and "no better" not in text and "not beat" not in text


def test_refinement_that_does_not_help_is_called_so():
    assert "Refinement did not help" in said(run(refined=8.2)) and "% less" not in said(run(refined=8.2))


@pytest.mark.parametrize("matched", [6.0, 5.9])
def test_refinement_that_does_not_beat_histogram_matching(matched):
    """Where they are equal, too: a tie with what learns nothing is no success."""
    job = run(synthetic_matched=matched)
    assert "refinement does not beat it" in said(job)
    assert cells(job, "Mean gaze error")["refined"][1].endswith(MARK)
    assert any(note.startswith(MARK) for note in notes(job)) and MARK in format_table(job)


@pytest.mark.parametrize("changed, sentence", [
    ({("refined", "pupil_shift_px"): 1.4}, "the labels are kept less well"),
    ({("refined", "two_sample_accuracy"): 0.995}, "no more realistic"),
    ({("refined", "two_sample_accuracy"): 0.95}, "still easily told"),
    ({("refined", "kernel_distance"): 0.025}, "at least as close as refined"),
    ({("refined", "change"): 0.5}, "collapsed to the identity"),
    ({("refined", "beyond_tone"): 0.01}, "little more than a tone curve"),
])
def test_other_bad_news_is_said(changed, sentence):
    assert sentence in said(run(changed=changed)) and sentence not in said(run())


def test_an_estimator_no_better_than_the_mean_answer_is_called_so():
    assert "no better than that" in said(run(guess=5.0))
    assert all("no better than that" not in said(run(guess=guess)) for guess in (7.0, 9.0)), "the refined one: 6.0"


def test_the_pupils_shift_its_finders_own_error_and_its_failures_are_told_apart():
    text = said(run())
    assert "0.70 ± 0.50 px" in text and "wrong by 0.20 px" in text and "In 2.0 % of the images it found none" in text


def test_stand_in_eyes_are_never_called_real():
    job = run()
    text = " ".join([said(job), format_table(job), *notes(job)])
    assert "stand-in" in text and " real " not in text
    assert any(item.startswith("Anything about photographs") for item in not_measured(job))


def test_real_eyes_are():
    job = run(domain="MPIIGaze")
    assert "stand-in" not in said(job) + format_table(job) + " ".join(not_measured(job))
    assert "real with labels" in cells(job, "Mean gaze error")


@pytest.mark.parametrize("measure", sorted({measure for _, measure in OTHERS} | {"gaze_error_deg", "within_7_deg"}))
def test_any_measure_may_be_missing(measure):
    assert "paper" in format_table(run(without=[measure])) and len(findings(run(without=[measure]))) >= 2


def test_a_run_that_measured_nothing():
    bare = Records.of([run_line("reproduce", "quick", "stand-in", {})], []).jobs()[0]
    assert findings(bare) == [] and comparison(bare) == [] and "paper" in format_table(bare)


def test_lines_of_the_text_table_fit_a_terminal():
    assert max(map(len, format_table(run()).splitlines())) <= 100


def test_rows_as_text_have_a_line_a_measure_and_a_column_a_subject():
    rows = [row(0, kind, measure, value) for kind, one, two in (("drawn", 0.25, 1.5), ("camera", 0.125, float("nan")))
            for measure, value in (("iou", one), ("px", two))]
    assert [line.split() for line in text_table(rows).splitlines()] == [
        ["drawn", "camera"], ["iou", "0.25", "0.125"], ["px", "1.5", "—"]]
