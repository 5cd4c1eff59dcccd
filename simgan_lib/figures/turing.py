"""Figures of notebook 10: the visual Turing test."""

from .base import POINTS, SERIES, STYLE, canvas


def turing_figure(results):
    """How often subjects were right, with exact bounds that hold with 95 % each, and where guessing lies.

    results: {name: (`turing.binomial` result, meaning: a key of POINTS)}, drawn from the top.  A line that begins to the
    right of guessing has p < 0.05.
    """
    figure, ((axes,),) = canvas(1, 1, (7.0, 0.7 + 0.38 * len(results)))
    said = []
    for y, (name, (found, look)) in enumerate(results.items()):
        axes.plot([100 * found["low"], 100 * found["high"]], [y, y], color=STYLE[look]["color"], linewidth=2)
        axes.scatter(100 * found["share"], y, s=60, zorder=3, **POINTS[look])
        said.append(f"{name} ≈{100 * found['share']:.0f} %")
    axes.axvline(50, color="black", linewidth=1, linestyle=":")
    axes.set(xlabel="right answers, % (dotted: guessing)", xlim=(30, 101), ylim=(len(results) - 0.5, -0.5),
             yticks=range(len(results)), yticklabels=results)
    axes.grid(axis="x", color="0.9")
    return figure, f"Shares of right answers between bounds that hold with 95 % each, guessing at 50 %: {', '.join(said)}."


def power_figure(curves, wanted, needed):
    """How probably a test finds subjects who are right more often than by guessing, over the number of trials.

    curves: {share right: (numbers of trials, powers)}.  wanted: the power aimed at.  needed: {share: trials}.
    """
    figure, ((axes,),) = canvas(1, 1, (6.4, 2.9))
    for (share, (n, powers)), look in zip(curves.items(), SERIES):
        axes.plot(n, powers, **look | {"marker": ""}, linewidth=1.6, label=f"{100 * share:.0f} % right")
        axes.plot(needed[share], wanted, **look, markersize=9)
        axes.annotate(f"{needed[share]}", (needed[share], wanted), (4, -14), textcoords="offset points", fontsize=9)
    axes.axhline(wanted, color="0.6", linewidth=0.8)
    axes.set(xlabel="trials", ylabel="chance that p ≤ 0.05", ylim=(0, 1.03), xlim=(0, None))
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure, ("Power over the number of trials, rising in saw teeth; 80 % is reached for good at "
                    + ", ".join(f"{n} trials if {100 * share:.0f} % are right" for share, n in needed.items()) + ".")


def alarms_figure(alarms, level=0.05):
    """How often a test that should be wrong in `level` of all cases is.  alarms: {what was done: share}."""
    figure, ((axes,),) = canvas(1, 1, (6.4, 0.7 + 0.36 * len(alarms)))
    axes.barh(range(len(alarms)), [100 * share for share in alarms.values()], height=0.6, color="0.75", edgecolor="black",
              hatch="//")
    for y, share in enumerate(alarms.values()):
        axes.text(100 * max(share, level) + 1, y, f"{100 * share:.1f} %", va="center", fontsize=9)
    axes.axvline(100 * level, color="black", linestyle=":", linewidth=1.4)
    axes.set(xlabel="guessing subjects found to be no guessers, %", xlim=(0, 115 * max(alarms.values())),
             ylim=(len(alarms) - 0.4, -0.6), yticks=range(len(alarms)), yticklabels=alarms)
    said = ", ".join(f"{name} ≈{100 * share:.0f} %" for name, share in alarms.items())
    return figure, f"Bars: false alarms by what was done, the promised {100 * level:.0f} % dotted: {said}."
