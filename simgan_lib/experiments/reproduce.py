"""The main job, end to end: simulate, refine, train gaze estimators, measure, report.

Every stage is kept as it finishes; a killed run goes on where it was.
"""

import json
import shlex
from collections import Counter
from pathlib import Path

from ..system.device import resolve_device
from ..system.places import checked, claimed
from .domains import fingerprint, profile_named, real_domain, stand_in_domain
from .pipeline import SeedRun
from .provenance import about
from .records import Records, add, as_text, check_addable, days_of, image_row, plain, row, run_line


def reproduce(profile_name="quick", seeds=1, real=None, test_days=None, device="auto", results="results", bar=True,
              first_seed=0, record=None, test_people=None):
    """Run the main job for `seeds` seeds, from `first_seed` on  ->  (folder of the report, Job of its measurements).

    real: a folder with MPIIGaze crops instead of the stand-in domain; test_days, test_people: as for `real_domain`.
    Files: results/<profile>[-real]/.
    record: a file of records that the run is added to, too.
    Raises UserError for bad input, and if the folder is another process's.
    """
    profile, device = profile_named(profile_name), resolve_device(device)
    folder = run_folder(results, profile_name, real)
    for path in (folder / "report.html", folder / "metrics.json", folder / "measurements.jsonl", *([record] if record else [])):
        checked(path)                                                                     # now, not after hours
    with claimed(folder, folder=True):
        command = command_line("reproduce", profile_name, seeds, real, test_days, first_seed, test_people)
        domain = real_domain(real, test_days, test_people) if real else stand_in_domain(profile, bar)
        run = described("reproduce", profile_name, profile, domain, device, command)
        if record:
            check_addable(record, run, range(first_seed, first_seed + seeds))             # this, too
        measured = [SeedRun(profile, domain, seed, device, folder / f"seed{seed}", bar).measure()
                    for seed in range(first_seed, first_seed + seeds)]
        run["scatter"] = pupil_scatter(measured[0])
        rows = [line for one in measured for line in rows_of(one, domain)]
        if record:
            add(record, run, rows)
        records = Records.of_run(run, rows)
        job, = records.jobs()
        write_results(folder, job, domain, measured, records)
    return folder, job


def write_results(folder, job, domain, measured, records):
    """Write the page, and beside it the measurements, and metrics.json: their summary, for other programs."""
    from . import report  # matplotlib is slow to import, of no use to a run that fails before
    seconds = [one["seconds"] for one in measured]
    metrics = json.dumps(plain(metrics_of(job) | {"stage_seconds": seconds}), indent=1, allow_nan=False) + "\n"
    beside = {"measurements.jsonl": as_text(records), "metrics.json": metrics}
    figures = report.pictures(job, domain, measured)
    report.write_report(folder, report.content(job, seconds), figures, beside)


def run_folder(results, profile_name, real=None):
    """Where a profile's runs on the stand-in domain, or on real images, keep what they have computed."""
    return Path(results) / (profile_name + ("-real" if real else ""))


def command_line(command, profile_name, seeds, real=None, test_days=None, first_seed=0, test_people=None):
    """What to type for the same run.  The name of the folder with real images is nobody's business."""
    words = ["python", "-m", "simgan_lib", command, "--profile", profile_name, "--seeds", str(seeds)]
    words += ["--first-seed", str(first_seed)] if first_seed else []
    words += ["--real", "DIR"] if real else []
    words += ["--test-people", ",".join(test_people)] if test_people else []
    return shlex.join(words + (["--test-days", ",".join(test_days)] if test_days else []))


def described(experiment, profile_name, profile, domain, device, command):
    """The line of a run of the main job, or of another experiment on its profiles and domains."""
    days = domain.test.groups.get("day")
    counted = dict(sorted(Counter([] if days is None else map(str, days)).items()))
    job = {"test_days": counted, "config": profile.described(), "data_digest": fingerprint(domain)[1]}
    images = {"unlabelled": len(domain.unlabelled), "test": len(domain.test), "synthetic": profile.synthetic}
    return run_line(experiment, profile_name, domain.name, job, images=images, days=days_of(days),
                    test_days=len(counted), mean_answer_error_deg=domain.mean_answer_error(),
                    **({"apart": domain.apart} if domain.apart != "days" else {}), **about(device, command))


# ---- from what a seed measured to rows ----
def rows_of(measured, domain):
    """Rows of what `SeedRun.measure` gave."""
    seed, realism = measured["seed"], measured["realism"]
    rows = [line for kind, found in measured["gaze"].items() for line in gaze_rows(seed, kind, found, domain)]
    rows += pupil_rows(seed, measured["pupil"])
    rows += [row(seed, kind, name, value) for name in ("kernel_distance", "two_sample_accuracy")
             for kind, value in realism[name].items()]
    rows += [row(seed, kind, name, value) for kind, found in realism["collapse"].items() for name, value in found.items()]
    return [*rows, row(seed, "all", "seconds", sum(measured["seconds"].values()))]


def gaze_rows(seed, subject, found, domain):
    """Mean error, with and without one offset for all test images, and the share within 7 degrees.

    found: {"errors", and, where they were measured, "calibrated"}, degrees (N,) on the domain's test images.
    """
    groups = domain.test.groups.get("day")
    measures = {"gaze_error_deg": found["errors"], "within_7_deg": 100.0 * (found["errors"] <= 7),
                "calibrated_error_deg": found.get("calibrated")}
    return [image_row(seed, subject, name, values, groups) for name, values in measures.items() if values is not None]


def pupil_rows(seed, pupil):
    """How far refinement moved the pupil, how wrong its finder is on exact labels, and where it found none.

    pupil: {"shifts", "own"}: (N, 2) px, NaN where no pupil was found.
    """
    rows = []
    for subject, name, shifts in (("refined", "pupil_shift_px", pupil["shifts"]), ("synthetic", "pupil_finder_px", pupil["own"])):
        distance = shifts.norm(dim=1)
        found = distance[~distance.isnan()]
        rows.append(row(seed, subject, name, found.mean(), len(found), sd=found.std() if len(found) > 1 else None))
        rows.append(row(seed, subject, f"{name}_failed", 1 - len(found) / len(distance), len(distance)))
    return rows


def pupil_scatter(measured, most=50):
    """{"shifts", "own"}: [dx, dy] px of a seed's first images, as many as the article shows; None where no fit.

    own: the fit before, minus the exact label.  Article: Figure 9.
    """
    def rounded(pair):
        return None if any(value != value for value in pair) else [round(value, 2) + 0.0 for value in pair]      # not -0.0
    return {name: [rounded(pair) for pair in measured["pupil"][name][:most].tolist()] for name in ("shifts", "own")}


def metrics_of(job):
    """The job's summary as one nested dict, {measure: {subject: {"mean", "sd", "n", ...}}}, with what the run says of itself."""
    found = {**{name: value for name, value in job.first.items() if name != "scatter"}, "seeds": job.seeds}
    for (subject, measure), line in job.summary.iterrows():
        kept = {"n" if name == "seeds" else "images" if name == "n" else name: value for name, value in line.items()}
        found.setdefault(measure, {})[subject] = kept
    return found
