"""Does a refiner teach more if its synthetic eyes look about as the real people do?

    python studies/label_shift.py [--real DIR] [--profile quick] [--seed 0] [--json]

If the two domains look about differently, the adversary asks a refiner for eyes that look elsewhere than their labels say.
So the refiner is trained twice: on all synthetic eyes, and on as many drawn from them so that their gaze has the mean and
covariance which a gaze estimator, trained on histogram-matched synthetic eyes, finds in the unlabelled crops.  No label of
a real image is used.  Each refiner then refines all eyes, and an estimator trained on these is measured on the domain's test
images: error in degrees as `what_is_left.py` tells it.  First come the standard
deviations of gaze: of the simulator's people, as estimated of the unlabelled crops, and by the labels of the test images,
which describe and do not choose.  Some twelve minutes on one CPU core in `quick`.
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))         # what_is_left, beside this file
sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit, installed or not
from what_is_left import described

from simgan_lib.evaluation.gaze import predict_gaze, train_gaze_estimator
from simgan_lib.experiments.domains import profile_named, real_domain, stand_in_domain
from simgan_lib.experiments.pipeline import SeedRun
from simgan_lib.experiments.runs import train_refiner
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.device import resolve_device
from simgan_lib.system.errors import GOES_ON, exit_status
from simgan_lib.system.settings import SEED, Parser, text


def drawn_like(images, gaze, seed):
    """As many of the labelled images, drawn with replacement, whose gaze has the mean and covariance of `gaze` (N, 2)."""
    mean, inverse = gaze.double().mean(0), torch.linalg.inv(torch.cov(gaze.double().T))
    apart = images.labels["gaze"].double() - mean
    weights = torch.exp(-0.5 * ((apart @ inverse) * apart).sum(1))        # the prior is nearly uniform
    return images[torch.multinomial(weights, len(images), replacement=True, generator=torch.Generator().manual_seed(seed))]


def spread(gaze):
    """{"pitch", "yaw"}: standard deviations in degrees of gaze (N, 2), radians."""
    return dict(zip(("pitch", "yaw"), torch.rad2deg(gaze.double().std(0)).tolist()))


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=text, metavar="DIR", help="a folder with MPIIGaze crops instead of the stand-in domain")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument("--results", type=text, default="results", help="where trainings are kept, to be taken up again")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    profile, device, folder = profile_named(a.profile), resolve_device("auto"), Path(a.results) / "label_shift"
    domain = real_domain(a.real) if a.real else stand_in_domain(profile)
    seed = SeedRun(profile, domain, a.seed, device, folder, True)
    train = partial(train_gaze_estimator, config=profile.gaze, seed=a.seed, device=device)
    matched = seed.matched(simulate(profile.synthetic, seed=1000 + a.seed))
    estimator = train(matched)
    estimated = predict_gaze(estimator, domain.unlabelled)
    truth = domain.test.labels["gaze"]
    spreads = {"simulated": matched.labels["gaze"], "estimated": estimated, "test labels": truth}
    found = {f"gaze spread, {who}": spread(gaze) for who, gaze in spreads.items()}
    found["histogram-matched"] = described(predict_gaze(estimator, domain.test), truth)
    for name, eyes in {"refined": matched, "refined, looking alike": drawn_like(matched, estimated, a.seed)}.items():
        path = folder / f"{domain.name}-{a.profile}-{a.seed}-{'all' if eyes is matched else 'alike'}"
        done = train_refiner(path, profile.training, eyes, domain.unlabelled, a.seed, device)
        made = seed.refined(matched, {"refiner": done.refiner.state_dict()})
        found[name] = described(predict_gaze(train(made), domain.test), truth)
    print(json.dumps(found) if a.json else "\n".join(
        f"{name:26}" + ", ".join(f"{what} {value:.2f}" for what, value in row.items()) for name, row in found.items()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main, stopped=GOES_ON))
