"""From what the seeds of a run measured to the numbers and figures of its report."""

import dataclasses
import math

import numpy as np
import torch

from .. import paper
from ..evaluation.statistics import bootstrap_interval
from ..figures import results as report_figures
from .domains import fingerprint
from .provenance import commit, hardware, versions


def summarise(profile_name, profile, domain, measured, device, command):
    """The content of metrics.json.

    measured: what `reproduce` measured, one dict a seed.  command: what gives these numbers again.
    Gaze errors and shares come as `measure` gives them: mean, standard deviation over seeds (None for one), n, interval.  The
    measures of realism are means over the seeds; `deviations` has their standard deviations (None for one seed) in the same
    places.  The pupil's mean and deviation are over the images of all seeds.  `seconds`: of all stages of all seeds, whether
    computed now or kept.
    """
    trained_on = list(measured[0]["gaze"])
    errors, calibrated = ({name: [m["gaze"][name][kind] for m in measured] for name in trained_on}
                          for kind in ("errors", "calibrated"))
    days = domain.test.groups.get("day")
    gaze = {name: measure(seeds, days) for name, seeds in errors.items()}
    within = {name: measure([100.0 * (e <= 7) for e in seeds], days) for name, seeds in errors.items()}
    realism = [m["realism"] for m in measured]
    return {
        "profile": profile_name, "domain": domain.name, "seeds": [m["seed"] for m in measured],
        "gaze_error_deg": gaze, "within_7_deg": within,
        "calibrated_error_deg": {name: measure(seeds, days) for name, seeds in calibrated.items()},
        **against_synthetic(gaze), "mean_answer_error_deg": domain.mean_answer_error(),
        "pupil_shift_px": pupil_summary(measured), "pupil_scatter": pupil_scatter(measured),
        **over_seeds(realism, "mean"), "deviations": over_seeds(realism, "sd"),
        "images": {"unlabelled": len(domain.unlabelled), "test": len(domain.test), "synthetic": profile.synthetic},
        "test_groups": sorted(set(domain.test.groups.get("day", []))),
        "seconds": sum(sum(m["seconds"].values()) for m in measured), "stage_seconds": [m["seconds"] for m in measured],
        "config": dataclasses.asdict(profile), "data_digest": fingerprint(domain)[1], "hardware": hardware(device),
        "versions": versions(), "commit": commit(),
        "command": command}


def against_synthetic(gaze):
    """By how much refined eyes are better than synthetic ones, of the mean errors; no gap is closed where there is none."""
    raw, refined, oracle = (gaze[k]["mean"] for k in ("synthetic", "refined", "oracle"))
    return {"relative_reduction_percent": 100 * (raw - refined) / raw,
            "gap_closed_percent": 100 * (raw - refined) / (raw - oracle) if raw > oracle else None}


def measure(seeds, days=None):
    """`spread` of the means of tensors (N,), one a seed, and "interval", [low, high]: 95 % bootstrap over test images.

    days: N names; whole days are then drawn, since images of one day are much alike.
    """
    days = days if days is not None and len(set(days)) > 1 else None         # one day alone has no spread
    over_images = bootstrap_interval(torch.stack([s.double() for s in seeds]).mean(0).cpu().numpy(), groups=days)
    return spread([float(s.double().mean()) for s in seeds]) | {"interval": [over_images["low"], over_images["high"]]}


def spread(values):
    """{"mean", "sd" over seeds (None for one), "n", "values"}.

    >>> spread([1.0, 3.0])
    {'mean': 2.0, 'sd': 1.4142135623730951, 'n': 2, 'values': [1.0, 3.0]}
    """
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "n": len(values), "values": list(values)}


def pupil_summary(measured):
    """Distance between the pupil centres of synthetic and refined images, px; mean and sd over all images, as the article.

    `failed`: share of images in which no ellipse could be fitted.  `estimator_error`: of the fit itself, on exact labels.
    """
    shifts = torch.cat([m["pupil"]["shifts"] for m in measured])
    distance = shifts.norm(dim=1)
    found = distance[~distance.isnan()]
    own = torch.cat([m["pupil"]["own"] for m in measured]).norm(dim=1)
    own = own[~own.isnan()]
    return {"mean": float(found.mean()), "sd": float(found.std()), "median": float(found.median()), "n": len(found),
            "failed": 1 - len(found) / len(distance),
            "estimator_error": {"mean": float(own.mean()), "sd": float(own.std()), "median": float(own.median())}}


def pupil_scatter(measured, most=50):
    """{"shifts", "own"}: [dx, dy] px of the first seed's first images, as many as the article shows; None where no fit.

    own: the fit before, minus the exact label.  Article: Figure 9.
    """
    def rounded(pair):
        return None if any(math.isnan(value) for value in pair) else [round(value, 2) + 0.0 for value in pair]     # not -0.0
    return {name: [rounded(pair) for pair in measured[0]["pupil"][name][:most].tolist()] for name in ("shifts", "own")}


def over_seeds(trees, part):
    """One `part` of `spread`, "mean" or "sd", of each number in equal nested dicts, one a seed.

    >>> over_seeds([{"a": {"b": 1.0}}, {"a": {"b": 3.0}}], "mean")
    {'a': {'b': 2.0}}
    """
    if isinstance(trees[0], dict):
        return {key: over_seeds([tree[key] for tree in trees], part) for key in trees[0]}
    return spread(trees)[part]


def pictures(domain, measured, metrics):
    """The report's figures: (file stem, figure, alternative text, caption)."""
    first, name = measured[0], domain.name
    shown = first["shown"]
    snapshots = {"input": shown["synthetic"][:4]} | {f"step {step}": images[:4]
                                                     for step, images in thinned(first["snapshots"], 5).items()}
    errors = {k: [m["gaze"][k]["errors"].numpy() for m in measured] for k in first["gaze"]}
    shifts = torch.cat([m["pupil"]["shifts"] for m in measured])
    shifts = shifts[~shifts.isnan().any(1)].numpy()
    published = {"synthetic": paper.GAZE_SYNTHETIC_ERROR.value, "refined": paper.GAZE_REFINED_ERROR.value}
    own = metrics["pupil_shift_px"]["estimator_error"]["mean"]
    made = [
        ("examples", report_figures.examples(shown["real"], shown["synthetic"], shown["refined"], name),
         "Each refined eye stands right below the synthetic one it was made from. Not chosen: the first of the set."),
        ("over_steps", report_figures.refinement_over_steps(snapshots),
         "The same eyes while the refiner learned, as in the article's Figure 6."),
        ("losses", report_figures.losses(first["records"]),
         "Both losses, a patch, as in the article's Figure 7. Where both are ln 2, the discriminator can only guess."),
        ("gaze_curves", report_figures.gaze_curves(errors, name), "Share of test images within d degrees: the higher, the better."),
        ("gaze_errors", report_figures.gaze_errors(metrics["gaze_error_deg"], published, name),
         "Mean gaze error by what the estimator was trained on."),
        ("pupil_shifts", report_figures.pupil_shifts(shifts, own),
         "How far refinement moved the pupil, as in the article's Figure 9."),
        ("gray_levels", report_figures.gray_levels_and_spectra(first["compared"], name),
         "Gray levels and spatial frequencies: what a histogram can match, and what it cannot."),
    ]
    return [(stem, figure, alternative, caption) for stem, (figure, alternative), caption in made]


def thinned(items, n):
    """n entries of a dict, evenly spread, first and last among them."""
    keys = list(items)
    chosen = [keys[round(i)] for i in np.linspace(0, len(keys) - 1, min(n, len(keys)))]
    return {key: items[key] for key in chosen}
