"""The main job, end to end: simulate, refine, train gaze estimators, measure, report.

Every stage is kept as it finishes; a killed run goes on where it was.
"""

import shlex
from pathlib import Path

from ..system.device import resolve_device
from .domains import profile_named, real_domain, stand_in_domain
from .pipeline import SeedRun


def reproduce(profile_name="quick", seeds=1, real=None, test_days=None, device="auto", results="results", bar=True,
              first_seed=0):
    """Run the main job for `seeds` seeds, from `first_seed` on  ->  (folder of the report, metrics).

    real: a folder with MPIIGaze crops instead of the stand-in domain.  Files: results/<profile>[-real]/.
    Raises UserError for bad input.
    """
    profile, device = profile_named(profile_name), resolve_device(device)
    folder = run_folder(results, profile_name, real)
    domain = real_domain(real, test_days) if real else stand_in_domain(profile, bar)
    measured = [SeedRun(profile, domain, seed, device, folder / f"seed{seed}", bar).measure()
                for seed in range(first_seed, first_seed + seeds)]
    from . import report, summary  # matplotlib is slow to import and of no use to a run that fails before
    metrics = summary.summarise(profile_name, profile, domain, measured, device,
                                command_line(profile_name, seeds, real, test_days, first_seed))
    report.write_run_report(folder, metrics, summary.pictures(domain, measured, metrics))
    return folder, metrics


def run_folder(results, profile_name, real=None):
    """Where a profile's runs on the stand-in domain, or on real images, keep what they have computed."""
    return Path(results) / (profile_name + ("-real" if real else ""))


def command_line(profile_name, seeds, real, test_days, first_seed=0):
    """What to type for the same run."""
    words = ["python", "-m", "simgan_lib", "reproduce", "--profile", profile_name, "--seeds", str(seeds)]
    words += ["--first-seed", str(first_seed)] if first_seed else []
    words += ["--real", str(real)] if real else []
    return shlex.join(words + (["--test-days", ",".join(test_days)] if test_days else []))
