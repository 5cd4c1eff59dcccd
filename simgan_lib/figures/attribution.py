"""Figure of what each step of the pipeline earns: a waterfall of the mean gaze error."""

import textwrap

from .base import LINES, WIDTH, canvas, legend_below, looks, training_set_name

TOTAL = {"facecolor": "0.75"}                                                                        # whole errors
TONE = {"facecolor": LINES["synthetic_matched"]["color"], "hatch": "////", "edgecolor": "white",     # a tone curve's steps
        "label": "histogram matching, a tone curve"}
LEARNED = {"facecolor": LINES["refined"]["color"], "label": "with the refiner"}
SEEDS = {"color": "black", "capsize": 4, "linewidth": 1.6, "label": "95 % interval of the step, over seeds"}
DAYS = {"color": "0.3", "capsize": 2, "linewidth": 1, "label": "the same, over test days (thin)"}


def waterfall(steps, domain="stand-in"):
    """The mean gaze error going down, step by step, from synthetic to refined eyes; the oracle as the floor, a dotted line.

    steps: in order, each with title, base, subject, before and after (degrees), gained {"low", "high", "values"} over seeds,
    and days (low, high) over test days, as `experiments.attribution.steps` gives them.  A step that makes it worse goes up.
    Whiskers stand at a step's end; of two seeds both values are dots.
    Raises ValueError without steps to refined eyes.
    """
    way = [step for step in steps if step.subject != "oracle"]
    if not way:
        raise ValueError("expected steps from synthetic to refined eyes, found none")
    figure, ((axes,),) = canvas(cell=(WIDTH, 4.4))
    handles = [handle for x, step in enumerate(way, 1) for handle in _step(axes, x, step)]
    for x, level, at in ((0, way[0].before, (0, 1)), (len(way) + 1, way[-1].after, (len(way), len(way) + 1))):
        axes.bar(x, level, width=0.7, **TOTAL)
        _number(axes, x, level, f"{level:.2f}")
        axes.plot(at, [level] * 2, color="0.3", linewidth=0.8, zorder=0)
    oracle, floor = training_set_name("oracle", domain), [step.after for step in steps if step.subject == "oracle"]
    handles += [axes.axhline(level, color=looks("oracle", domain)[0]["color"], linewidth=2.2, linestyle=":", zorder=5,
                             label=f"{oracle}: {level:.2f}") for level in floor]
    titles = ["synthetic", *(step.title for step in way), "refined"]
    axes.set_xticks(range(len(titles)), [textwrap.fill(title, 13) for title in titles], fontsize=9)
    axes.set(ylabel="mean gaze error, degrees", ylim=(0, 1.14 * axes.dataLim.y1))
    legend_below(figure, list({handle.get_label(): handle for handle in handles}.values()), 1)
    said = [f"{step.title} ≈{step.after - step.before:+.2f}" for step in way] + [f"{oracle} ≈{level:.2f}" for level in floor]
    return figure, (f"Mean gaze error in degrees, step by step from ≈{way[0].before:.2f} after training on synthetic eyes to "
                    f"≈{way[-1].after:.2f} on refined ones: {', '.join(said)}.")


def _step(axes, x, step):
    """A bar between the errors before and after, its whiskers, and a line to the next one; returns legend entries."""
    learned = step.subject.startswith("refined") and step.base != "refined_as_they_are"
    bar = axes.bar(x, step.after - step.before, bottom=step.before, width=0.7, **(LEARNED if learned else TONE))
    axes.plot([x - 1, x], [step.before] * 2, color="0.3", linewidth=0.8, zorder=0)
    values, ends, whiskers = step.gained["values"], [step.before, step.after], []
    if len(values) > 2:
        whiskers.append(_whisker(axes, x - 0.12, step, step.gained["low"], step.gained["high"], SEEDS))
        ends.append(step.before - step.gained["low"])
    elif len(values) == 2:
        whiskers.append(axes.scatter([x - 0.12] * 2, [step.before - value for value in values], s=16, color="black", zorder=4,
                                     label="both seeds"))
    if step.days[0] is not None:
        whiskers.append(_whisker(axes, x + 0.12, step, *step.days, DAYS))
        ends.append(step.before - step.days[0])
    _number(axes, x, max(ends), f"{step.after - step.before:+.2f}")
    return [bar, *whiskers]


def _whisker(axes, x, step, low, high, look):
    """An interval of the degrees gained, drawn where the error ends; from its middle, for a bootstrap's may leave out the mean."""
    return axes.errorbar(x, step.before - (low + high) / 2, yerr=(high - low) / 2, zorder=4, **look)


def _number(axes, x, top, text):
    axes.annotate(text, (x, top), (0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=10)
