"""What each step of the pipeline earns: by numbers that one can work out by hand, and where it is shown."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_tables import run

from simgan_lib.experiments import report, results_page
from simgan_lib.experiments.attribution import attribution_table, headline, steps
from simgan_lib.experiments.differences import matching_share
from simgan_lib.experiments.pipeline import NOT_AGAIN
from simgan_lib.experiments.records import Records, image_row, run_line
from simgan_lib.experiments.results_page import jobs_of, read_all
from simgan_lib.figures import waterfall
from simgan_lib.system.errors import UserError

DAYS = ["a", "b", "b", "b"]
MATCHED = {"refine_from": "synthetic_matched", "match_refined": False}
AGAIN = MATCHED | {"match_refined": True}


def job_of(errors, config=MATCHED, days=DAYS, domain="stand-in"):
    """A Job.  errors: {subject: of each seed the errors in degrees of all four test images}."""
    about = run_line("reproduce", "quick", domain, {"config": config}, days={"a": 1, "b": 3} if days else None)
    rows = [image_row(seed, subject, "gaze_error_deg", values, days) for subject, seeds in errors.items()
            for seed, values in enumerate(seeds)]
    return Records.of_run(about, rows).jobs()[0]


# Day a has one image, day b three: drawn are (a, a), (a, b) and (b, b).
TWO = {"synthetic": [[9, 5, 5, 5], [7, 5, 5, 5]],              # 6, 5.5: 5.75
       "synthetic_matched": [[5, 4, 4, 4], [5, 4, 4, 4]],      # 4.25; gained on a: 4 and 2, on b: 1
       "refined": [[4, 3, 3, 3], [4, 3, 3, 3]],                # 3.25; gained everywhere: 1
       "oracle": [[2, 2, 2, 2], [2, 2, 2, 2]]}                 # 2


def test_two_seeds_and_two_days_by_hand():
    before, refiner, left = steps(job_of(TWO))
    assert (before.title, before.base, before.subject) == ("matching before", "synthetic", "synthetic_matched")
    assert (before.before, before.after, before.gained["mean"]) == (5.75, 4.25, 1.5)
    assert before.gained["values"] == [1.75, 1.25]
    assert before.days == (1.0, 3.0), "day b alone: 1; day a alone: the seeds' mean of 4 and 2"
    assert refiner.title == "the refiner" and refiner.gained["values"] == [1.0, 1.0] and refiner.days == (1.0, 1.0)
    assert before.share == pytest.approx(60) and refiner.share == pytest.approx(40)
    assert left.subject == "oracle" and left.share is None and left.gained["mean"] == 1.25
    assert headline(job_of(TWO)) == ("From synthetic to refined eyes the error falls by 2.50 degrees: "
                                     "matching before -1.50 (60 %); the refiner -1.00 (40 %).")


def test_the_days_are_drawn_for_both_sets_together():
    """Days differ by ten degrees, and so would sets whose days were drawn apart; the step is the same on each."""
    job = job_of({"synthetic": [[20, 10, 10, 10]], "refined": [[19, 9, 9, 9]]}, {"refine_from": "synthetic"})
    assert steps(job)[0].days == (1.0, 1.0)


def test_three_seeds_are_paired_and_have_students_interval():
    job = job_of({"synthetic": [[4] * 4, [7] * 4, [9] * 4], "refined": [[3] * 4, [5] * 4, [6] * 4]}, {"refine_from": "synthetic"})
    step, = steps(job)                                              # gained 1, 2, 3; t(2 degrees of freedom) = 4.303
    assert step.gained["values"] == [1, 2, 3] and step.share is None, "the interval of the whole gain holds 0"
    np.testing.assert_allclose([step.gained["low"], step.gained["high"]], [2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5], atol=1e-3)
    assert "| +2.00 [-0.48, +4.48] " in attribution_table({"mine": job})
    assert "| +1.75, +1.25 " in attribution_table({"mine": job_of(TWO)}), "of two seeds both values"


@pytest.mark.parametrize("refined, share", [([3, 4, 5], 100), ([3, 4, 9], None), ([3, 8], None), ([3, 6], 100)])
def test_only_a_gain_that_is_decided_has_shares(refined, share):
    """Of three seeds an interval above 0 (2, 3, 3 degrees; not 2, 3, -1), of two both seeds."""
    job = job_of({"synthetic": [[each] * 4 for each in (5, 7, 8)][:len(refined)], "refined": [[each] * 4 for each in refined]},
                 {"refine_from": "synthetic"})
    assert steps(job)[0].share == (share and pytest.approx(share))


def test_matching_after_is_a_step_where_it_was_measured_and_else_goes_with_the_refiner():
    measured = TWO | {NOT_AGAIN: [[4, 4, 4, 4], [4, 4, 4, 4]]}
    assert [(step.title, step.gained["mean"]) for step in steps(job_of(measured, AGAIN))] == [
        ("matching before", 1.5), ("the refiner", 0.25), ("matching after", 0.75), ("left to the domain's own labels", 1.25)]
    titles = [(step.title, step.base, step.gained["mean"]) for step in steps(job_of(TWO, AGAIN))]
    assert titles[1] == ("the refiner, with the matching after", "synthetic_matched", 1.0) and len(titles) == 3
    half = TWO | {NOT_AGAIN: [[4, 4, 4, 4]]}
    assert [step.title for step in steps(job_of(half, AGAIN))] == [title for title, _, _ in titles], "of one seed of two"


def test_matched_eyes_are_no_step_of_a_refiner_that_starts_from_raw_ones():
    step, left = steps(job_of(TWO, {"refine_from": "synthetic", "match_refined": False}))
    assert (step.base, step.gained["mean"], step.share) == ("synthetic", 2.5, 100)


def test_records_that_do_not_say_their_settings_are_of_their_profile():
    assert [step.title for step in steps(run())] == ["matching before", "the refiner", "left to the domain's own labels"]


def test_a_step_may_be_negative_and_a_loss_has_no_shares():
    worse = TWO | {"refined": [[8, 6, 6, 6]] * 2}                    # 6.5
    step = steps(job_of(worse))[1]
    assert step.gained["mean"] == -2.25 and step.share is None and step.days == (-3.0, -2.0)
    assert headline(job_of(worse)) == ("From synthetic to refined eyes the error rises by 0.75 degrees: "
                                       "matching before -1.50; the refiner +2.25.")
    assert "| -3.00 to -2.00 | —  " in attribution_table({"": job_of(worse)})


@pytest.mark.parametrize("gone", ["synthetic", "refined", "synthetic_matched", "oracle"])
def test_what_was_not_measured_is_left_out(gone):
    found = [step.title for step in steps(job_of({name: of for name, of in TWO.items() if name != gone}))]
    assert found == {"synthetic": [], "refined": [], "oracle": ["matching before", "the refiner"],
                     "synthetic_matched": ["the refiner, with the matching before", "left to the domain's own labels"]}[gone]


def test_without_days_images_are_drawn_and_without_sums_none():
    assert steps(job_of({"synthetic": [[5, 5, 5, 5]], "refined": [[4, 4, 4, 4]]}, days=None))[0].days == (1.0, 1.0)
    assert all(step.days == (None, None) for step in steps(run())) and "| —" in attribution_table({"": run()})


def test_sets_measured_on_other_test_images_have_no_difference():
    with pytest.raises(UserError, match="were measured on other test images"):
        steps(job_of({"synthetic": [[5, 5, 5, 5]], "refined": [[4, 4, 4]]}, days=None))


# ---- the figure ----
def bars(figure):
    return [(bar.get_y(), bar.get_height()) for bar in figure.axes[0].patches]


def test_bars_go_down_from_synthetic_to_refined_and_whiskers_are_the_intervals():
    figure, said = waterfall(steps(job_of(TWO)))
    axes = figure.axes[0]
    assert sorted(bars(figure)) == [(0, 3.25), (0, 5.75), (4.25, -1.0), (5.75, -1.5)]
    ends = [tuple(part[:, 1]) for line in axes.collections for part in getattr(line, "get_segments", list)()]
    assert ends == [(2.75, 4.75), (3.25, 3.25)], "over days; where the error ends if 3 or 1 is gained, and 1"
    dots = [float(y) for dots in axes.collections for y in dots.get_offsets()[:, 1] if len(dots.get_offsets()) == 2]
    assert dots == [4.0, 4.5, 3.25, 3.25], "both seeds"
    assert [text.get_text() for text in axes.texts] == ["-1.50", "-1.00", "5.75", "3.25"]
    assert "≈5.75" in said and "matching before ≈-1.50, the refiner ≈-1.00, stand-in with labels ≈2.00" in said


def test_a_step_that_makes_it_worse_goes_up_and_real_images_are_called_real():
    figure, said = waterfall(steps(job_of(TWO | {"refined": [[8, 6, 6, 6]] * 2}, domain="MPIIGaze")), "MPIIGaze")
    assert (4.25, 2.25) in bars(figure) and "the refiner ≈+2.25, real with labels" in said


def test_a_figure_of_no_steps_is_refused():
    with pytest.raises(ValueError, match="expected steps from synthetic to refined eyes, found none"):
        waterfall(steps(job_of({"oracle": [[1] * 4]})))


# ---- where it is shown ----
def test_the_page_has_a_section_of_it_made_of_the_recorded_main_jobs():
    section = results_page.page().split("## What each step earns\n")[1].split("\n## ")[0]
    jobs = jobs_of(read_all(), "reproduce")
    assert len(jobs) == 5 and all(headline(job) in section for job in jobs)
    assert attribution_table({f"{job.domain}, `{job.profile}`": job for job in jobs}) in section
    assert section.count("| the refiner, with the matching after |") == 2, "those of `full`"


def test_a_page_of_jobs_without_steps_has_no_such_section():
    assert results_page.steps_part([job_of({"oracle": [[1] * 4]})]) == []


def test_the_shares_are_those_of_the_main_table():
    decided = [job for job in jobs_of(read_all(), "reproduce") if steps(job)[0].share is not None]
    assert [(job.domain, job.profile) for job in decided] == [("stand-in", name) for name in ("quick", "full", "quick-fresh")]
    assert all(steps(job)[0].share == pytest.approx(matching_share(job)) for job in decided)


def test_the_report_has_the_figure_with_its_headline(monkeypatch):
    given = []
    monkeypatch.setattr(report, "waterfall", lambda steps, domain: given.append((steps, domain)) or ("figure", "said"))
    for name in ("examples", "refinement_over_steps", "losses", "gaze_curves", "gaze_errors", "pupil_shifts",
                 "gray_levels_and_spectra"):
        monkeypatch.setattr(report.results, name, lambda *given: ("", ""))
    job, shown = run(), torch.zeros(4, 1, 2, 2)
    measured = {"shown": dict.fromkeys(("real", "synthetic", "refined"), shown), "snapshots": {}, "records": [], "gaze": {},
                "pupil": {"shifts": torch.zeros(2, 2)}, "compared": {}}
    monkeypatch.setattr(report, "thinned", lambda items, n: items)
    made = {stem: rest for stem, *rest in report.pictures(job, SimpleNamespace(name="stand-in"), [measured])}
    assert given == [(steps(job), "stand-in")] and made["attribution"][:2] == ["figure", "said"]
    assert made["attribution"][2].startswith(headline(job))
