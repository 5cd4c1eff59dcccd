"""Figures of the report: they show what they are given, nothing is cut off, and each says in words what it shows."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg

from simgan_lib import figures
from simgan_lib.evaluation.statistics import curve_interval
from simgan_lib.figures import STYLE, save_figure
from simgan_lib.figures import results as report_figures
from simgan_lib.figures.base import DOTS, LINES
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate

LONG = {"synthetic": 13.0, "synthetic_matched": 11.0, "refined": 9.0, "oracle": 3.0}      # degrees, made up


SHARES = {"synthetic": (62.0, (60.0, 64.0), 62.3), "refined_4x": (85.0, (83.0, 88.0), 87.2), "oracle": (90.0, (89.0, 91.0), None)}
CURVES = {"synthetic_4x": np.linspace(0, 80, 21), "refined_4x": np.linspace(0, 90, 21), "oracle": np.linspace(0, 100, 21)}


def steps():
    """All steps that there can be; the matching after makes it worse, and one interval leaves out its mean."""
    way = ("synthetic", "synthetic_matched", "refined_as_they_are", "refined", "oracle")
    titles, errors = ("matching before", "the refiner, with the matching after", "matching after", "left"), (9, 8.2, 7.3, 7.8, 3)
    return [SimpleNamespace(title=title, base=way[i], subject=way[i + 1], before=errors[i], after=errors[i + 1], days=(0, 1),
                            gained={"values": [1, 2, 3], "low": -2, "high": 4}) for i, title in enumerate(titles)]


@pytest.fixture(scope="module")
def eyes():
    synthetic = simulate(12, seed=1).images
    return {"synthetic": synthetic, "refined": 255 - synthetic, "real": stand_in(12, seed=2).images}


def records(steps=60):
    """Made-up losses, with both warm-ups."""
    phases = ["refiner warm-up"] * 10 + ["discriminator warm-up"] * 5 + ["adversarial"] * (steps - 15)
    both = {"refiner warm-up": {}, "discriminator warm-up": {"discriminator": 0.6}}
    return [{"step": i + 1, "total": steps, "phase": phase, **both.get(phase, {"discriminator": 0.5, "adversarial": 0.9})}
            for i, phase in enumerate(phases)]


def errors(seeds=3):
    rng = np.random.default_rng(0)
    return {key: [torch.from_numpy(rng.gamma(2, mean / 2, 200)) for _ in range(seeds)] for key, mean in LONG.items()}


def of_sizes():
    rng = np.random.default_rng(0)
    return {key: rng.gamma(2, mean / 2, 200) for key, mean in (("synthetic", 13.0), ("synthetic_4x", 12.0), ("refined_4x", 9.0))}


def gaze_metrics(sd=0.4):
    return {key: {"mean": mean, "sd": sd, "n": 3, "values": [mean - 0.4, mean, mean + 0.4]} for key, mean in LONG.items()}


@pytest.fixture(scope="module", params=["stand-in", "MPIIGaze"])
def drawn(request, eyes):
    """{name: (figure, sentence)} of every function, in both domains."""
    domain = request.param
    shifts = np.random.default_rng(0).normal(size=(100, 2))
    return {"examples": report_figures.examples(eyes["real"], eyes["synthetic"], eyes["refined"], domain),
            "steps": report_figures.refinement_over_steps({"input": eyes["synthetic"], "step 12000": eyes["refined"]}),
            "losses": report_figures.losses(records()),
            "curves": report_figures.gaze_curves(errors(), domain),
            "errors": report_figures.gaze_errors(gaze_metrics(), {"synthetic": 11.2, "refined": 7.8}, domain),
            "pupil": report_figures.pupil_shifts(shifts, 0.3),
            "waterfall": figures.waterfall(steps(), domain),
            "gray": report_figures.gray_levels_and_spectra(eyes, domain),
            "intervals": figures.gaze_curve_intervals(of_sizes(), domain=domain),
            "within": figures.within_shares(SHARES, domain),
            "recorded": figures.recorded_curves({f"{domain}, {size}": (domain, CURVES) for size in ("quick", "full")})}


def test_nothing_is_cut_off(drawn):
    for name, (figure, _) in drawn.items():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        box, (width, height) = figure.get_tightbbox(renderer), figure.get_size_inches()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (name, box, width, height)


def test_each_says_in_one_sentence_what_it_shows(drawn):
    for name, (_, sentence) in drawn.items():
        assert sentence.endswith(".") and 60 < len(sentence) < 400, (name, sentence)


@pytest.mark.parametrize("name", ["examples", "losses"])              # one of pixels, one of lines
def test_they_can_be_saved(drawn, tmp_path, name):
    png, svg = save_figure(drawn[name][0], tmp_path / name)
    assert png.stat().st_size > 3000 and "</svg>" in svg.read_text()


def test_stand_in_eyes_are_never_called_real(drawn, request):
    words = " ".join(sentence for _, sentence in drawn.values()).split()
    assert ("stand-in" in words) != ("real" in words)


def test_pyplot_knows_of_none():
    before = pyplot.get_fignums()
    report_figures.losses(records())
    assert pyplot.get_fignums() == before


def test_a_refined_eye_stands_below_its_own_synthetic_one(eyes):
    figure, _ = report_figures.examples(eyes["real"], eyes["synthetic"], eyes["refined"], columns=6, rows=2)
    pair = figure.axes[2].images[0].get_array()                       # images 6 to 11
    height, width = eyes["synthetic"].shape[2:]
    assert np.array_equal(pair[:height, :width, 0], eyes["synthetic"][6, 0])
    assert np.array_equal(pair[-height:, :width, 0], eyes["refined"][6, 0])
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == ["synthetic", "refined"]


def test_too_few_eyes_are_refused(eyes):
    with pytest.raises(ValueError, match="at least 12 images of each kind, found 12 stand-in, 12 synthetic, 5 refined"):
        report_figures.examples(eyes["real"], eyes["synthetic"], eyes["refined"][:5])


def test_headings_stand_above_their_step(eyes):
    figure, _ = report_figures.refinement_over_steps({"input": eyes["synthetic"], "a": eyes["refined"],
                                                      "b": eyes["refined"]})
    axes, width = figure.axes[0], eyes["synthetic"].shape[3]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["input", "a", "b"]
    for i, tick in enumerate(axes.get_xticks()):                      # in the middle of column i
        assert tick == pytest.approx(i * (width + 2) + width / 2 - 0.5)


def test_losses_mark_ln_2_and_both_warm_ups():
    figure, sentence = report_figures.losses(records())
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(f"{math.log(2):.2f}" in label for label in labels)
    assert {"refiner warm-up", "discriminator warm-up"} <= set(labels)
    shades = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in figure.axes[0].patches]
    assert shades == [(0, 10), (10, 15)]
    assert "≈0.90 to ≈0.90" in sentence


def test_losses_before_the_adversarial_phase():
    """A run that was stopped early has no refiner loss yet."""
    _, sentence = report_figures.losses(records()[:12])
    assert "discriminator" in sentence and "refiner" not in sentence


def test_gaze_curve_is_the_share_of_images_within_d_degrees():
    figure, sentence = report_figures.gaze_curves({"refined": [torch.tensor([1.0, 2.0, 8.0, 9.0])]}, limit=10)
    line = figure.axes[0].lines[0]
    assert np.interp(7, *line.get_data()) == 50 and np.interp(8.5, *line.get_data()) == 75
    assert "refined ≈50 %" in sentence


@pytest.mark.parametrize("seeds, lines", [(1, 4), (3, 16)])
def test_several_seeds_are_thin_lines_beside_their_mean(seeds, lines):
    figure, _ = report_figures.gaze_curves(errors(seeds))
    assert len(figure.axes[0].lines) == lines + 1                     # and the line at 7 degrees


def test_gaze_errors_of_one_seed_have_no_bar():
    one = {key: {"mean": mean, "sd": None, "n": 1, "values": [mean]} for key, mean in LONG.items()}
    figure, sentence = report_figures.gaze_errors(one, {})
    assert "refined ≈9.0" in sentence and figure.legends == []


def test_pupils_that_were_not_found_are_left_out():
    shifts = torch.tensor([[3.0, 4.0], [math.nan, math.nan], [0.0, 1.0]])
    figure, sentence = report_figures.pupil_shifts(shifts)
    assert "2 images" in sentence and "≈3.00 px" in sentence
    assert figure.axes[0].patches[0].radius == pytest.approx(3.0)


def test_no_pupil_found_at_all_is_said():
    """A run that went wrong still gets its report."""
    figure, sentence = report_figures.pupil_shifts(torch.full((5, 2), math.nan), 0.2)
    assert "found in no image" in sentence and figure.axes[0].get_title() == "0 images"


def test_a_stray_pupil_is_counted_and_does_not_shrink_the_cloud():
    shifts = np.random.default_rng(0).normal(scale=0.5, size=(200, 2))
    shifts[0] = 30, 0
    figure, sentence = report_figures.pupil_shifts(shifts)
    assert figure.axes[0].get_xlim()[1] <= 3 and "≈1 dots lie outside" in sentence
    assert "1 of them outside" in figure.axes[0].get_title()


def test_lines_can_be_told_apart_without_colour():
    dashes = [str(look["linestyle"]) for look in LINES.values()]
    assert len(set(dashes)) == len(dashes)
    markers = [look["marker"] for look in DOTS.values()]
    assert len(set(markers)) == len(markers)
    assert all(LINES[key] == STYLE[key] for key in STYLE)
    assert all(re.fullmatch("#[0-9A-F]{6}", look["color"]) for look in LINES.values())


def test_centre_differences_leave_out_what_was_not_found_and_say_what_lies_beyond():
    shifts = torch.tensor([[3.0, 4.0], [0.0, 1.0], [9.0, 0.0], [math.nan, math.nan]])
    figure, sentence = report_figures.centre_differences({"refined": (shifts, "refined"), "own": (shifts[1:2], "synthetic")}, 1.1)
    first, second = figure.axes
    assert "mean 5.00 px" in first.get_title() and "3 of 4 images" in first.get_title() and "1 beyond" in first.get_title()
    assert [circle.radius for circle in second.patches] == [1.0, 1.1]
    assert "refined ≈5.00, own ≈1.00" in sentence and "article's 1.1" in sentence
    assert "beyond" not in second.get_title()


def test_a_cloud_of_small_shifts_is_not_drawn_at_the_scale_of_large_ones():
    small, large = 0.3 * torch.eye(2), 4 * torch.eye(2)
    groups = {"refined": (small, "refined"), "other": (large, "stand-in"), "none": (small * math.nan, "refined")}
    figure, _ = report_figures.centre_differences(groups, columns=2)
    near, far, empty, unused = figure.axes
    assert near.get_xlim()[1] == empty.get_xlim()[1] == 2 and far.get_xlim()[1] > 4
    assert "WIDER" in far.get_title() and "WIDER" not in near.get_title() and not unused.axison


def test_shades_are_the_intervals_of_the_groups_and_markers_tell_sizes_apart():
    wrong, groups = of_sizes(), np.repeat(np.arange(20), 10)
    axes = figures.gaze_curve_intervals(wrong, groups)[0].axes[0]
    for errors, shade in zip(wrong.values(), axes.collections, strict=True):
        low, high = curve_interval(errors, [8.0], groups)
        at = {round(y, 6) for x, y in shade.get_paths()[0].vertices if x == 8}
        assert {round(float(low[0]), 6), round(float(high[0]), 6)} <= at
    markers = [line.get_marker() for line in axes.lines if len(line.get_xdata()) > 2]
    assert markers[0] == "None" and len(set(markers)) == 3, "1x and 4x differ by more than colour"


def test_shares_stand_beside_the_papers():
    figure, sentence = figures.within_shares(SHARES)
    marks = [tuple(np.asarray(dots.get_offsets())[0]) for dots in figure.axes[0].collections]
    assert (85.0, 1) in marks and (87.2, 1) in marks and (90.0, 2) in marks and len(marks) == 5
    assert "refined, 4 x as many ≈85 %" in sentence


def test_recorded_curves_stand_side_by_side():
    figure, sentence = figures.recorded_curves({"A": ("stand-in", CURVES), "B": ("MPIIGaze", {"oracle": CURVES["oracle"]})})
    assert [axes.get_title() for axes in figure.axes] == ["A", "B"]
    refined, real = figure.axes[0].lines[1], figure.axes[1].lines[0]
    assert np.interp(10, *refined.get_data()) == 45 and np.interp(7, *real.get_data()) == 35
    assert refined.get_marker() != "None" and real.get_color() == STYLE["real"]["color"]
    assert [text.get_text() for text in figure.legends[0].get_texts()][-2:] == ["stand-in with labels", "real with labels"]
    assert "refined, 4 x as many ≈32 %" in sentence
