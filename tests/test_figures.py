"""Figures that notebooks share: what they refuse, what they say, that nothing is cut off."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from simgan_lib import figures
from simgan_lib.figures.hands import depth_colours
from simgan_lib.figures.segmentation import colours_of, tinted
from simgan_lib.system.errors import UserError


def pixels(figure):
    return np.array(Image.open(io.BytesIO(figures.to_png(figure))).convert("L"))


def test_every_meaning_has_its_own_colour_line_and_marker():
    """So that no figure depends on colour alone."""
    for looks in ([s["color"] for s in figures.STYLE.values()], [s["linestyle"] for s in figures.STYLE.values()],
                  list(figures.MARKERS.values())):
        assert len(set(looks)) == len(figures.STYLE) == 4


def test_a_montage_has_every_image_in_its_place():
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 3, 4)
    sheet = figures.montage(images, columns=3)
    assert sheet.shape == (2 * 3 + figures.GAP, 3 * 4 + 2 * figures.GAP, 3)
    corners = sheet[::3 + figures.GAP, ::4 + figures.GAP, 0]
    assert corners.tolist() == [[0, 1, 2], [3, 4, figures.PAPER]]


@pytest.mark.parametrize("images", [torch.zeros(2, 1, 3, 4), torch.zeros(2, 2, 3, 4, dtype=torch.uint8),
                                    torch.zeros(2, 3, 4, dtype=torch.uint8), torch.zeros(0, 1, 3, 4, dtype=torch.uint8)],
                         ids=["float", "channels", "axes", "none"])
def test_a_montage_refuses_what_it_cannot_show(images):
    with pytest.raises(ValueError, match="expected uint8"):
        figures.montage(images, 2)


def test_a_montage_figure_says_what_is_on_it_and_shows_the_pixels():
    dark = torch.zeros(4, 1, 35, 55, dtype=torch.uint8)
    figure, sentence = figures.montage_figure({"synthetic": dark, "refined": dark + 200}, columns=2)
    assert "4 synthetic" in sentence and "4 refined" in sentence
    drawn = pixels(figure)
    assert (drawn < 5).mean() > 0.2 and (abs(drawn.astype(int) - 200) < 5).mean() > 0.2


def test_the_same_figure_gives_the_same_files(tmp_path):
    def draw():
        figure, axes = figures.canvas()
        axes[0, 0].plot([0, 1], [1, 0], **figures.STYLE["refined"])
        return figure
    one, two = figures.save_figure(draw(), tmp_path / "new" / "a"), figures.save_figure(draw(), tmp_path / "b")
    assert [path.suffix for path in one] == [".png", ".svg"]
    for a, b in zip(one, two):
        assert a.read_bytes() == b.read_bytes()


def test_a_figure_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="could not be written"):
        figures.save_figure(figures.canvas()[0], tmp_path / "file" / "figure")


def test_figures_of_notebook_04_describe_themselves():
    points = torch.randn(10, 32, 2, generator=torch.Generator().manual_seed(0))
    maps = {i: torch.rand(61, 61) for i in range(10)}
    for figure, sentence in (figures.chase_figure({"no memory": (points, maps)}, [0, 4, 9]),
                             figures.chase_beside_figure({"no memory": (points, maps), "memory": (points, maps)}, 9),
                             figures.minibatch_figure(torch.zeros(8, 1, 35, 55, dtype=torch.uint8),
                                                      torch.full((8, 1, 35, 55), 90, dtype=torch.uint8))):
        assert sentence.endswith(".") and len(sentence) > 30
        assert pixels(figure).std() > 5                                # not an empty sheet


def test_few_colours_are_hardly_other_colours():
    """A rare colour, such as a frame's, must not turn into a frequent one."""
    from simgan_lib.simulators.eyes import simulate
    images = simulate(16, 0).images
    first, again = (figures.minibatch_figure(images[:8], images[8:])[0] for _ in range(2))   # drawing moves a layout
    exact = io.BytesIO()
    first.savefig(exact, format="png", dpi=figures.DPI)
    few, all_colours = (np.array(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
                        for content in (figures.to_png(again), exact.getvalue()))
    assert abs(few - all_colours).max() < 12


def test_gray_stays_gray_beside_all_colours():
    levels = torch.randint(256, (7, 3, 35, 55), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    figure, _ = figures.montage_figure({"all colours": levels, "gray": levels[:, :1]}, columns=7)
    whole = io.BytesIO()
    figure.savefig(whole, format="png", dpi=figures.DPI)
    shown, exact = (np.array(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
                    for content in (figures.to_png(figure), whole.getvalue()))
    assert abs(shown - exact).max() <= figures.base.FAR_OFF

def test_fresh_and_remembered_images_have_frames_of_their_own():
    grey = torch.full((4, 1, 35, 55), 128, dtype=torch.uint8)
    figure, _ = figures.minibatch_figure(grey, grey)
    colours = [[axes.spines["top"].get_edgecolor()[:3] for axes in figure.axes[4 * row:4 * row + 4]] for row in range(3)]
    assert len({*colours[0]}) == len({*colours[1]}) == 1 and colours[0][0] != colours[1][0]
    assert colours[2] == [*colours[0][:2], *colours[1][:2]]


def test_a_window_is_framed_where_it_is():
    figure, sentence = figures.windows_figure(torch.zeros(1, 35, 55, dtype=torch.uint8), {"a": (5, 17, 27, 39), "b": (0, 0, 3, 3)})
    frame, middle = figure.axes[0].lines
    assert (min(frame.get_xdata()), max(frame.get_xdata())) == (16.5, 39.5)
    assert (min(frame.get_ydata()), max(frame.get_ydata())) == (4.5, 27.5)
    assert (middle.get_xdata()[0], middle.get_ydata()[0]) == (28, 16) and "a, b" in sentence


def test_a_map_of_another_size_lies_exactly_below_its_image():
    image = torch.zeros(1, 35, 55, dtype=torch.uint8)
    figure, sentence = figures.maps_figure({"eye": (image, torch.rand(9, 14))}, "judged refined", {"eye": (0, 0, 11, 11)})
    above, below = figure.axes[:2]
    assert [*above.images[0].get_extent()] == [*below.images[0].get_extent()] == [-0.5, 54.5, 34.5, -0.5]
    assert below.images[0].get_clim() == (0, 1) and "judged refined" in sentence


def test_the_labels_of_an_eye_are_drawn_where_they_are():
    from simgan_lib.simulators.eyes import PARTS, render
    from simgan_lib.simulators.parameters import default_parameters
    eye = render(default_parameters().with_values(pitch=-10, yaw=12), (70, 110))
    x, y, a, b, _ = eye.labels["iris"][0].tolist()
    for figure, sentence in (figures.eye_figure(eye), figures.parts_figure(eye, PARTS)):
        axes = figure.axes[0]
        outline, cross, arrow = axes.patches[0], axes.lines[-1], axes.texts[-1]
        assert (outline.center, outline.width, outline.height) == ((x, y), 2 * a, 2 * b)
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == tuple(eye.labels["pupil"][0].tolist())
        assert arrow.xy[0] < x and arrow.xy[1] > y                         # it looks to the image's left, and down
        assert sentence.endswith(".") and pixels(figure).std() > 5
    assert "pitch -10.0 and yaw 12.0" in figures.eye_figure(eye)[1]
    assert not figures.eye_figure(eye, labels=False)[0].axes[0].patches


def test_a_table_of_prices_names_its_changes_and_is_brighter_where_it_is_dearer():
    prices = {"identity": {"turned": 1.0, "brighter": 7.25}, "local_contrast": {"turned": 1.0, "brighter": 0.03}}
    figure, sentence = figures.price_figure(prices, "turned", 1)
    axes = figure.axes[0]
    shades = axes.images[0].get_array()
    assert [text.get_text() for text in axes.texts] == ["1.00", "7.25", "1.00", "0.03", "must be dear", "may be cheap"]
    assert shades[0, 1] > shades[0, 0] == shades[1, 0] > shades[1, 1]
    assert axes.lines[0].get_xdata()[0] == 0.5                              # between the harmful one and the harmless one
    assert "local_contrast: turned ≈1.0, brighter ≈0.0" in sentence


def test_maps_of_one_psi_share_their_gray_scale_and_colours_stay():
    rows = {name: {"the image": torch.rand(3, 5, 6), "psi": light * (0.5 + torch.rand(5, 6))}
            for name, light in (("day", 4), ("evening", 1))}
    figure, sentence = figures.psi_figure(rows)
    day, evening = figure.axes[1], figure.axes[3]
    assert day.images[0].get_clim() == evening.images[0].get_clim()
    assert day.images[0].get_clim()[1] == rows["day"]["psi"].max()
    assert figure.axes[0].images[0].get_array().shape == (5, 6, 3) and "day, evening" in sentence


def test_the_trade_names_each_lambda_beside_its_mark():
    families = {"pixels": {0.02: (10.0, 60.0), 0.5: (40.0, 95.0)}, "learned": {0.1: (8.0, 90.0)}}
    figure, sentence = figures.trade_figure(families, {"input": (60.0, 95.0)})
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["λ = 0.02", "λ = 0.5", "λ = 0.1", "input"]
    assert axes.lines[0].get_xydata().tolist() == [[10, 60], [40, 95]]
    assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == 3
    assert "pixels with λ = 0.5: ≈40 gray levels, ≈95 %" in sentence


def test_prices_over_light_end_in_the_sentence():
    figure, sentence = figures.price_lines_figure([0, 1], {"identity": [0, 3.05], "learned": [0, 0.4]}, "squinting")
    assert [*figure.axes[0].lines[0].get_ydata()] == [0, 3.05] and "identity ≈3.0, learned ≈0.4" in sentence


def test_fits_are_drawn_where_they_are_and_a_missing_one_is_counted():
    exact = torch.tensor([[27.0, 17.0, 9.0, 8.0, 0.0]] * 2)
    fitted = torch.stack([exact[0] + 1, torch.full((5,), torch.nan)])
    rows = {"synthetic": torch.zeros(2, 1, 35, 55, dtype=torch.uint8)}
    figure, sentence = figures.fits_figure(rows, {"synthetic": exact}, {"synthetic": fitted})
    both, one = (axes.patches for axes in figure.axes)
    assert [ellipse.center for ellipse in both] == [(27, 17), (28, 18)] and len(one) == 1
    assert "in ≈1 of them none" in sentence


def test_named_parts_are_drawn_where_they_are_and_a_missing_pupil_is_counted():
    exact = torch.tensor([[27.0, 17.0, 9.0, 8.0, 0.0]] * 2)
    masks = torch.zeros(2, 35, 55, dtype=torch.uint8)
    masks[:, 5:30, 5:50], masks[:, 10:20, 20:30], masks[0, 13:16, 23:26] = 1, 2, 3
    rows = {"refined": torch.zeros(2, 1, 35, 55, dtype=torch.uint8)}
    figure, sentence = figures.parts_named_figure(rows, exact, {"refined": masks})
    whole, without = ([lines.get_paths()[0].get_extents() for lines in axes.collections] for axes in figure.axes)
    assert [tuple(edge.intervalx) for edge in whole] == [(4.5, 49.5), (19.5, 29.5), (22.5, 25.5)] and len(without) == 2
    assert [axes.patches[0].center for axes in figure.axes] == [(27, 17)] * 2 and "in ≈1 of them it sees no pupil" in sentence


def test_falling_lambda_has_its_means_on_the_line():
    looks = {0.5: [{"mask": 1.0, "ellipse": 0.5, "failed": 10, "spectrum": 4.0}] * 2,
             0.0: [{"mask": m, "ellipse": 0.9, "failed": 30, "spectrum": 2.0} for m in (1.0, 3.0)]}
    figure, sentence = figures.falling_lambda_figure(looks)
    moved, failed, spectrum = figure.axes
    assert [*moved.lines[0].get_ydata()] == [1, 2] and [*failed.lines[0].get_ydata()] == [10, 30]
    assert [label.get_text() for label in spectrum.get_xticklabels()] == ["0.5", "0"] and "0.5 down to 0" in sentence


def test_figures_of_notebook_10_show_what_they_say():
    from simgan_lib.evaluation.turing import binomial
    figure, sentence = figures.turing_figure({"people": (binomial(50, 100), "real"), "network": (binomial(90, 100), "refined")})
    assert figure.axes[0].lines[1].get_xdata()[0] > 80 and "people ≈50 %, network ≈90 %" in sentence
    figure, _ = figures.turing_figure({f"{right} of 200": (binomial(right, 200), "refined") for right in (112, 113)})
    starts = [line.get_xdata()[0] for line in figure.axes[0].lines[:2]]          # p = 0.052 and 0.038
    assert starts[0] < 50 < starts[1]
    figure, sentence = figures.power_figure({0.6: ([10, 20], [0.1, 0.2])}, 0.8, {0.6: 169})
    assert [text.get_text() for text in figure.axes[0].texts] == ["169"] and "169 trials if 60 %" in sentence
    figure, sentence = figures.alarms_figure({"once": 0.05, "peeking": 0.2})
    assert [bar.get_width() for bar in figure.axes[0].patches] == [5, 20] and "peeking ≈20 %" in sentence


# ---- Notebook 07 ----
def test_forest_marks_what_leaves_zero_out_and_points_beyond_the_panel():
    clear = {"mean": 1.0, "low": 0.5, "high": 1.5, "values": [0.8, 1.0, 1.2]}
    wide = {"mean": 0.5, "low": -30.0, "high": 31.0, "values": [-1.0, 2.0]}
    figure, sentence = figures.forest_figure({"degrees": {"global": clear, "no history": wide}, "dB": {"global": clear}})
    assert "global (degrees) by ≈+1.00" in sentence and "no history" not in sentence
    left = figure.axes[0]
    assert [label.get_text() for label in left.get_yticklabels()] == ["global", "no history"]
    low, high = left.get_xlim()
    assert high == -low < 30 and any(line.get_marker() == ">" for line in left.lines)
    marks = [line.get_markerfacecolor() for line in left.lines if line.get_marker() == "^"]
    assert marks[0] != "white" and marks[1] == "white"


def test_a_row_of_the_forest_that_lies_beyond_is_a_number_with_an_arrow_on_its_side():
    near = {f"row {i}": {"mean": 0.1, "low": -0.1, "high": 0.15, "values": [0.0, 0.2]} for i in range(9)}
    far = {"mean": -8.0, "low": -9.0, "high": -7.0, "values": [-8.5, -7.5]}
    axes = figures.forest_figure({"degrees": near | {"far": far}})[0].axes[0]
    assert axes.get_xlim()[1] < 1 and [text.get_text() for text in axes.texts] == ["-8*"]
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "<>"] == ["<"]


@pytest.mark.parametrize("drawn", [
    figures.rising_figure({"share": dict.fromkeys("abcd", ((0, 1), (0, 5)))}),
    figures.verdict_figure({"no memory": {name: torch.rand(9) for name in ("a", "b", "c", "real")}}, {"a": (0, 9)}),
    figures.power_figure({share: ([10, 20], [0.1, 0.2]) for share in (0.7, 0.6, 0.55)}, 0.8, {0.7: 42, 0.6: 169, 0.55: 654}),
    figures.price_lines_figure([0, 1], {name: [0, 3.05] for name in "abcde"}, "squinting")],
    ids=["rising", "verdict", "power", "prices"])
def test_curves_are_told_apart_by_colour_and_by_dash(drawn):
    curves = [line for line in drawn[0].axes[0].lines if len(line.get_xdata()) > 1 and not line.get_label().startswith("_")]
    looks = [(line.get_color(), str(line._dash_pattern), line.get_linestyle()) for line in curves]
    assert len(curves) >= 3 and len({colour for colour, *_ in looks}) == len({tuple(dash) for _, *dash in looks}) == len(curves)


def test_rising_draws_one_line_a_disturbance():
    figure, sentence = figures.rising_figure({"foreign": {"grid": ((0, 1), (0, 5)), "frame": ((0, 1), (0, 1))}},
                                             levels={"foreign": (2, "other eyes")})
    assert len(figure.axes[0].lines) == 3 and "grid from ≈0.0 to ≈5.0" in sentence
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["grid", "frame", "other eyes"]


def test_gaze_arrows_point_where_eyes_look():
    eye, left = torch.full((1, 1, 35, 55), 128, dtype=torch.uint8), torch.tensor([[0.0, 0.4]])
    down = torch.tensor([[-0.4, 0.0]])
    figure, sentence = figures.gaze_arrows_figure(eye, left, down, ["one"])
    ends = {line.get_marker(): (line.get_xdata()[0], line.get_ydata()[0]) for line in figure.axes[0].lines
            if line.get_marker() != "None"}
    assert ends["o"][0] < 10 and ends["o"][1] == pytest.approx(17)          # positive yaw: to the image's left
    assert ends["^"][0] == pytest.approx(27) and ends["^"][1] > 30          # negative pitch: down
    assert "one" in sentence


# ---- notebook 12 ----
def test_bars_stand_for_shares_of_a_tensor_and_the_sentence_says_their_mean():
    shares = {"a": torch.tensor([0.25, 0.75]), "b": [0.0, 1.0]}
    figure, sentence = figures.bars_figure(shares, "digit", "right, %", level=(0.25, "guess"))
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    assert heights == [25.0, 75.0, 0.0, 100.0] and "a ≈50 on average; b ≈50" in sentence
    assert figure.axes[0].lines[0].get_ydata()[0] == 25.0


def test_a_band_is_drawn_around_each_mean_and_none_where_there_is_no_interval():
    curves = {"one": ([0, 10], [0.5, 0.75], [0.25, 0.5], [0.75, 1.0]), "two": ([0, 10], [0.5, 0.5], None, None)}
    right = {"one": curves["one"], "three": curves["two"]}
    figure, sentence = figures.bands_figure({"left": curves, "right": right}, "age", "accuracy", (0.5, "a coin"))
    left, right = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "two", "three"]
    assert [line.get_ydata().tolist() for line in left.lines[:2]] == [[0.5, 0.75], [0.5, 0.5]]
    assert len(left.collections) == len(right.collections) == 1 and "one from ≈0.5 to ≈0.75, two from ≈0.5 to ≈0.5" in sentence
    band = left.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in band.tolist()} >= {(0, 0.25), (0, 0.75), (10, 0.5), (10, 1.0)}
    assert left.lines[0].get_color() == right.lines[0].get_color() != left.lines[1].get_color()


def test_the_ring_shows_each_player_with_the_real_points():
    players = {"no memory": (torch.ones(4, 2), torch.full((5, 5), 0.25)), "buffer": (torch.zeros(4, 2), torch.full((5, 5), 0.75))}
    figure, sentence = figures.ring_figure(players, torch.tensor([[2.0, 0.0], [0.0, 2.0]]))
    assert [axes.get_title() for axes in figure.axes[:2]] == list(players) and "no memory, buffer" in sentence
    assert figure.axes[0].collections[-1].get_offsets().tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert figure.axes[0].collections[-2].get_offsets().tolist() == [[1.0, 1.0]] * 4


# ---- notebook 13 ----
def test_parts_are_tinted_and_skin_stays():
    images, masks = torch.full((1, 1, 1, 4), 100, dtype=torch.uint8), torch.tensor([[[0, 1, 2, 3]]])
    skin, sclera, _, pupil = tinted(images, masks, 0.5)[0, :, 0].T.tolist()
    assert skin == [100, 100, 100] and sclera == [170, 164, 83] and pupil == [156, 97, 50]
    levels = Image.new("RGB", (4, 1))
    levels.putdata([tuple(colour) for colour in tinted(images, masks, 1.0)[0, :, 0].T.tolist()])
    gray = np.array(levels.convert("L"))[0].astype(int)
    assert gray[1] > gray[2] + 30 > gray[3] + 60                                # told apart in gray print


def test_features_are_shown_by_their_main_directions():
    """One channel is bright in the left half, one in the upper; a third hardly changes."""
    maps = torch.zeros(2, 3, 4, 6)
    maps[:, 0, :, :3], maps[:, 1, :2] = 5.0, 0.1
    colours = colours_of(maps)
    assert colours.shape == (2, 3, 4, 6) and colours.dtype == torch.uint8
    quarters = {tuple(colours[0, :, y, x].tolist()) for y in range(4) for x in range(6)}
    assert len(quarters) == 4 and len({tuple(colours[1, :, y, x].tolist()) for y in (0, 1) for x in (0, 2)}) == 1
    figure, sentence = figures.features_figure(torch.zeros(2, 1, 4, 6, dtype=torch.uint8), {"both": maps}, 2)
    assert len(figure.axes) == 2 and "both" in sentence


# ---- notebook 14 ----
def test_near_depth_is_bright_and_nothing_is_white():
    images = torch.tensor([[[[0, 64, 128, 200, 254, 255]]]], dtype=torch.uint8)
    *shown, nothing = depth_colours(images)[0, :, 0].T.tolist()
    gray = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in shown]
    assert gray == sorted(gray, reverse=True) and min(np.diff(gray[::-1])) > 5                    # told apart in gray print
    assert nothing == [255, 255, 255] and shown[0][0] > 3 * shown[0][2] and shown[4][2] > 2 * shown[4][0]


def test_joints_are_drawn_in_the_pixels_of_their_own_image():
    """The third of three hands, two in a row: its image begins 22 pixels down, the second one 32 to the right."""
    images = torch.full((3, 1, 20, 30), 255, dtype=torch.uint8)
    joints = torch.zeros(3, 14, 3)
    joints[1, 13], joints[1, 6], joints[1, 7] = torch.tensor([[15.0, 17.0, -9.0], [12.5, 2.0, 0.0], [14.0, 9.0, 0.0]])
    joints[2, 8] = torch.tensor([28.0, 11.0, 5.0])
    figure, sentence = figures.hands_figure({"plain": images, "named": images}, 2, {"named": joints})
    plain, named = figure.axes
    assert not [line for line in plain.lines if len(line.get_xdata()) == 14]
    dots = [line.get_xydata().tolist() for line in named.lines if len(line.get_xdata()) == 14]
    assert len(dots) == 3 and dots[1][13] == [47, 17] and dots[1][6] == [44.5, 2] and dots[2][8] == [28, 33]
    links = [line.get_xydata().tolist() for line in named.lines]
    assert [[47, 17], [46, 9]] in links and [[46, 9], [44.5, 2]] in links                         # palm, index R, index tip
    assert "3 plain, 3 named" in sentence and "joints of named" in sentence
    assert (named.get_xlim(), named.get_ylim()) == (plain.get_xlim(), plain.get_ylim())


@pytest.mark.parametrize("name, joints", [("other", torch.zeros(3, 14, 3)), ("plain", torch.zeros(2, 14, 3)),
                                          ("plain", torch.zeros(3, 36, 3)), ("plain", torch.zeros(3, 14)),
                                          ("plain", torch.zeros(3, 14, 1))])
def test_joints_of_other_hands_are_refused(name, joints):
    with pytest.raises(ValueError, match=f"joints of {name}: expected"):
        figures.hands_figure({"plain": torch.zeros(3, 1, 20, 30, dtype=torch.uint8)}, 3, {name: joints})


def test_curves_of_error_say_their_shares_where_the_dotted_line_is():
    mm = [0.0, 20.0, 40.0]
    curves = {"synthetic": (mm, [0.0, 50.0, 90.0], [0, 45, 85], [0, 55, 95]), "refined 3x": (mm, [0.0, 70.0, 100.0], None, None)}
    figure, sentence = figures.error_curves_figure(curves, "mm", {"old": (mm, [0.0, 10.0, 30.0]), "new": (mm, [0, 85, 95])}, 30)
    axes, = figure.axes
    assert "synthetic ≈70 %, refined 3x ≈85 %; 2 published methods, in gray, from old ≈20 % to new ≈90 %" in sentence
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["synthetic: 70 %", "refined 3x: 85 %", "published methods (2)"]
    gray, ours = axes.lines[:2], axes.lines[2:4]
    assert {line.get_color() for line in gray} == {"0.72"} and gray[0].get_linewidth() < ours[0].get_linewidth()
    assert [line.get_color() for line in ours] == [figures.STYLE[name]["color"] for name in ("synthetic", "refined")]
    assert axes.lines[4].get_xdata()[0] == 30 and len(axes.collections) == 1 and "largest joint error, mm" in axes.get_xlabel()
    band = axes.collections[0].get_paths()[0].vertices.tolist()
    assert [20, 45] in band and [20, 55] in band


def test_training_sets_of_one_kind_are_told_apart_by_their_markers():
    names = ("refined", "refined 3x", "refined without history", "refined, 100 labels", "100 labels alone")
    figure, sentence = figures.error_curves_figure({name: ([0, 5], [0, 50], None, None) for name in names}, "px")
    looks = [(line.get_color(), line.get_marker(), line.get_markerfacecolor()) for line in figure.axes[0].lines]
    assert len(set(looks)) == len(names) and looks[4][0] != looks[0][0] == looks[1][0] == looks[2][0] == looks[3][0]
    assert "at the right end are: refined ≈50 %" in sentence and pixels(figure).std() > 5


@pytest.mark.parametrize("curve", [([0, 1, 2], [0, 50], None, None), ([], [], None, None), (0, 1, None, None)])
def test_a_curve_of_error_whose_parts_differ_is_refused(curve):
    with pytest.raises(ValueError, match="synthetic: expected as many shares as distances"):
        figures.error_curves_figure({"synthetic": curve}, "mm")


def test_the_overview_shows_the_images_it_is_given_in_their_places():
    """A bright synthetic eye above the dark real one, the refined one to the right; history is a stack of three."""
    images = (torch.arange(6, dtype=torch.uint8) * 40)[:, None, None, None].expand(6, 1, 35, 55)
    figure, said = figures.overview_figure(images[0], images[1], images[2], images[3:])
    figure.draw_without_rendering()
    shown = {int(axes.images[0].get_array()[0, 0]): axes.get_window_extent() for axes in figure.axes[0].child_axes}
    assert sorted(shown) == [0, 40, 80, 120, 160, 200]
    assert shown[0].y0 > shown[120].y0 > shown[80].y0 and shown[40].x0 > shown[0].x1 and shown[80].x0 == pytest.approx(shown[0].x0)
    assert "stand-in" in said and "real eyes" in figures.overview_figure(*images[:3], images[3:], domain="real")[1]


def test_methods_stand_at_their_errors_and_the_papers_marks_are_open():
    compared = {"forest": {"synthetic": 6.0, "refined": 5.0, "paper": (15.4, None, None)},
                "CNN": {"oracle": 2.0, "paper": (None, 11.2, 7.8)}}
    figure, said = figures.methods_figure(compared)
    filled, hollow = [], []
    for drawn in figure.axes[0].collections:
        (hollow if not len(drawn.get_facecolor()) else filled).extend(tuple(at) for at in drawn.get_offsets().tolist())
    assert sorted(filled) == [(2.0, pytest.approx(1.0)), (5.0, pytest.approx(-0.15)), (6.0, pytest.approx(-0.3))]
    assert sorted(hollow) == [(7.8, 1.32), (11.2, 1.32), (15.4, 0.32)]
    assert "forest: synthetic ≈6.0, refined ≈5.0; CNN: stand-in with labels ≈2.0" in said
