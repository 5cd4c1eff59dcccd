"""Does a generator that has learned to draw eyes know their parts, so that one label suffices?

    python studies/segmentation.py [--profile small] [--draws 5] [--seeds 1] [--shots 1,5,10]
                                   [--helps] [--others FILE ...] [--generator FILE] [--networks FOLDER] [--record FILE] [--json]

Parts: skin, sclera, iris, pupil; a glint counts as what lies below it.  Tested on fresh simulator eyes with exact masks.
All methods get the same label: eyes that the generator drew (a generator's features are known for no others), with the mask
of the segmenter that comes with the kit, a UNet that learned from exact masks of thousands of simulated eyes.  It stands for
the person who would label them by hand; it is the bound that no method can be expected to pass, and a row of its own.
Its mistakes on drawn eyes are in every method's label alike.  What they may cost, two rows say: there the augmented UNet
learns from one *simulated* eye, once with its exact mask and once with the expert's.  An eye is labelled only if all four
parts are seen in it, as a person would choose.
The methods, from 1, 5 and 10 labels:
  generator          features of the generator's blocks -> head -> soft labels of eyes that it draws -> student UNet (RepurposeGAN)
  denoiser           features of a UNet that learned to remove noise from unlabelled eyes -> head -> test eyes
  denoiser, student  the same head labels unlabelled eyes -> the same student: what is left of a difference is the features'
  random network     the denoiser before its training -> head -> test eyes
  nearest neighbour  cosine in the denoiser's features, nothing is learned; from one label only, as the same in the random network
  raw pixels         dilated CNN on the image itself -> test eyes
  augmented UNet     the student's network and augmentation, on the labelled eyes alone
Generator and augmented UNet stand there once more, with students of a third of the steps.
In `small` the denoiser is about as large as the generator, saw the same unlabelled eyes, and learned for about as many minutes.
A row's seed is the draw of its label images; its value is the mean over --seeds networks.  The intervals are over draws.
--helps measures what helps heads, from one label, with one thing changed at a time ("drawn eyes"): IoU with the expert's
masks on new eyes of the generator, before any student.
--others measures generators of other files in place of the kit's, from 1 and 10 labels.  python studies/eye_generator.py makes
such: --preset short one with less training, --seed 1 a second one.
Pupil centres: distance to the exact mask's centre of gravity, px at 55 px eye width.
--networks keeps the denoiser, which takes half an hour in `small`, and takes it from there.
--record adds the numbers to a file of records, a draw at a time.
"""

import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.masks import SEEN, labelled_eyes, part_iou, pupil_centre, score, weighted
from simgan_lib.evaluation.statistics import interval
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import add, check_addable, row, run_line
from simgan_lib.images import to_float, to_uint8
from simgan_lib.neighbours.autoshot import StudentConfig, autoshot_set, one_hot, segmented, train_student
from simgan_lib.neighbours.denoiser import Denoiser, DenoiserConfig, denoiser_features, train_denoiser
from simgan_lib.neighbours.generators import load_generator, load_shipped_generator
from simgan_lib.neighbours.hypercolumns import FeatureSource
from simgan_lib.neighbours.segmentation import FewShotSegmenter, HeadConfig, NearestSegmenter
from simgan_lib.neighbours.segmenters import load_shipped_segmenter
from simgan_lib.networks import from_seed
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.checkpoints import load_module, save_module
from simgan_lib.system.digests import module_digest
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.settings import COUNT, SEEDS, Number, OneOf, Parser, Settings, text

LAYERS = {"all": slice(None), "coarse": slice(2), "fine": slice(-2, None)}
CLASSES, LEAST = len(SEEN), 6                    # LEAST: pixels of each part in an eye that is labelled


@dataclass(frozen=True)
class Scale(Settings):
    """How much of everything."""

    unlabelled: COUNT          # eyes for the denoiser
    tested: COUNT
    shots: COUNT               # auto-shots: drawn eyes that the student learns from
    truncation: Number(0, 2)
    layers: OneOf(LAYERS)      # of the generator's blocks
    denoiser: DenoiserConfig
    student: StudentConfig
    head: HeadConfig           # on features
    pixel_head: HeadConfig     # on raw pixels, which need to see a neighbourhood


SCALES = {
    "quick": Scale(60, 20, 24, 0.7, "all", DenoiserConfig(10, width=8), StudentConfig(10, 4), HeadConfig("mlp", 20),
                   HeadConfig("cnn-s", 5)),
    "small": Scale(20_000, 150, 250, 0.7, "all", DenoiserConfig(12_000, width=12), StudentConfig(900, 4, balance=0.5),
                   HeadConfig("mlp", 200, balance=0.5), HeadConfig("cnn-s", 100, balance=0.5)),
    "full": Scale(20_000, 1000, 2000, 0.7, "all", DenoiserConfig(40_000), StudentConfig(1000, width=12, balance=0.5),
                  HeadConfig("mlp", 500, balance=0.5), HeadConfig("cnn-s", 500, balance=0.5)),
}


# ---- what is measured ----
def from_features(source, segmenter, eyes):
    """Score of a segmenter on eyes whose features a source gives."""
    masks, probabilities = zip(*(segmenter.predict(columns) for _, columns in source.parts(to_float(eyes.images))))
    return score(torch.cat(masks), torch.cat(probabilities), eyes)


# ---- what stands before any label ----
class Bench:
    """The generator, the networks that know no label of ours, the eyes to test on."""

    def __init__(self, generator, scale, networks=None):
        self.generator, self.scale, self.kept = generator, scale, networks
        self.test = labelled_eyes(scale.tested, seed=31_000)

    @cached_property
    def unlabelled(self):
        """The eyes that the kit's generator learned from, too."""
        return simulate(self.scale.unlabelled, seed=1000).images

    @cached_property
    def expert(self):
        """The UNet that labels, from exact masks."""
        return load_shipped_segmenter()[0]

    @cached_property
    def denoiser(self):
        c = self.scale.denoiser
        network = self._kept(c) if self.kept else train_denoiser(self.unlabelled, c)
        return denoiser_features(network, self.test.images.shape[2:])

    def _kept(self, config):
        """The denoiser of the folder; trained and put there, if there is none."""
        path, network, made = Path(self.kept) / "denoiser.safetensors", Denoiser(1, config.width, config.depth), asdict(config)
        if path.exists():
            if (found := load_module(path, network).get("config")) != made:
                raise UserError(f"{path}: expected a denoiser of {made}, found {found}")
            return network.eval().requires_grad_(False)
        network = train_denoiser(self.unlabelled, config)
        save_module(path, network, {"config": made})
        return network

    @cached_property
    def untrained(self):
        """The same network without its training."""
        c = self.scale.denoiser
        return denoiser_features(from_seed(9, Denoiser, 1, c.width, c.depth).eval(), self.test.images.shape[2:])

    def drawn(self, truncation=None, layers=None, coarser=1):
        """The source of drawn eyes with the generator's features; all have one noise: an eye drawn again is the same.

        coarser: so many times smaller are the hypercolumns than the eyes.
        """
        psi, g = self.scale.truncation if truncation is None else truncation, self.generator
        blocks = range(len(g.blocks))[LAYERS[layers or self.scale.layers]]

        def run(z):
            noise = g.noise(1, torch.Generator().manual_seed(0))
            return g(z, [each.expand(len(z), -1, -1, -1) for each in noise], psi)
        size = tuple(math.ceil(side / coarser) for side in self.test.images.shape[2:])
        return FeatureSource(g, tuple(f"blocks.{at}" for at in blocks), size, run)

    def latents(self, n, seed):
        return self.generator.latents(n, torch.Generator().manual_seed(seed))

    def labelled(self, source, n, draw):
        """n drawn eyes in which all parts are seen: (latents, images uint8 (n, 1, H, W), masks (n, H, W))."""
        z = self.latents(20 * n + 40, 70_000 + draw)
        images = to_uint8(torch.cat([given for given, _ in source.parts(z)]))
        masks = segmented(self.expert, images)[0]
        picked = complete(masks)[:n]
        if len(picked) < n:
            raise UserError(f"{n} eyes with all parts: the generator drew {len(picked)} such in {len(z)}")
        return z[picked], images[picked], masks[picked]


def complete(masks):
    """Which of the masks (N, H, W) show all parts: their places (K,)."""
    return torch.stack([(masks == part).sum((1, 2)) >= LEAST for part in range(CLASSES)]).all(0).nonzero()[:, 0]


# ---- the methods, from labelled eyes to a score ----
def fitted(columns, masks, config, seed):
    return FewShotSegmenter(columns.shape[1], CLASSES, config, seed).fit(columns, masks)


def by_student(bench, images, targets, seed, share=1):
    """share: of the student's steps, one in so many."""
    student = train_student(images, targets, replace(bench.scale.student, steps=bench.scale.student.steps // share), seed)
    return score(*segmented(student, bench.test.images), bench.test)


def by_generator(bench, source, z, images, masks, seed, share=1):
    head = fitted(source.whole(z)[1], masks, bench.scale.head, seed)
    return by_student(bench, *autoshot_set(source, head, bench.latents(bench.scale.shots, 90_000 + seed)), seed, share)


def by_features(bench, features, images, masks, seed):
    head = fitted(features.whole(to_float(images))[1], masks, bench.scale.head, seed)
    return from_features(features, head, bench.test)


def by_denoiser_student(bench, images, masks, seed):
    head = fitted(bench.denoiser.whole(to_float(images))[1], masks, bench.scale.head, seed)
    return by_student(bench, *autoshot_set(bench.denoiser, head, to_float(bench.unlabelled[:bench.scale.shots])), seed)


def by_nearest(bench, features, images, masks):
    columns = features.whole(to_float(images))[1]
    return from_features(features, NearestSegmenter(columns.shape[1], CLASSES).fit(columns, masks), bench.test)


def by_pixels(bench, images, masks, seed):
    head = fitted(to_float(images), masks, bench.scale.pixel_head, seed)
    parts = [head.predict(part) for part in to_float(bench.test.images).split(64)]
    return score(*map(torch.cat, zip(*parts)), bench.test)


def by_unet(bench, images, masks, seed, share=1):
    return by_student(bench, images, one_hot(masks, CLASSES), seed, share)


def methods(bench, source, draw, n):
    """{method: what gives its score from a seed} for the n labelled eyes of a draw."""
    z, images, masks = bench.labelled(source, n, draw)
    exact = labelled_eyes(20 * n, seed=60_000 + draw)
    exact = exact[complete(exact.labels["parts"])[:n]]
    seen = segmented(bench.expert, exact.images)[0]
    found = {"generator": partial(by_generator, bench, source, z, images, masks),
             "denoiser": partial(by_features, bench, bench.denoiser, images, masks),
             "denoiser, student": partial(by_denoiser_student, bench, images, masks),
             "random network": partial(by_features, bench, bench.untrained, images, masks),
             "raw pixels": partial(by_pixels, bench, images, masks),
             "augmented UNet": partial(by_unet, bench, images, masks),
             "generator, a third of the steps": partial(by_generator, bench, source, z, images, masks, share=3),
             "augmented UNet, a third of the steps": partial(by_unet, bench, images, masks, share=3)}
    only_from_one = {"augmented UNet, exact label": partial(by_unet, bench, exact.images, exact.labels["parts"]),
                     "augmented UNet, expert's label": partial(by_unet, bench, exact.images, seen),
                     "nearest neighbour": lambda seed: by_nearest(bench, bench.denoiser, images, masks),
                     "random network, nearest neighbour": lambda seed: by_nearest(bench, bench.untrained, images, masks)}
    return found | (only_from_one if n == 1 else {})


def rows_of(bench, source, draw, n, seeds):
    """The rows of one draw of n labelled eyes."""
    rows = []
    for method, scored in methods(bench, source, draw, n).items():
        start, found = time.perf_counter(), [scored(100 * draw + seed) for seed in range(1 if "nearest" in method else seeds)]
        rows += [row(draw, named(method, n), measure, mean_of(each[measure] for each in found)) for measure in found[0]]
        rows.append(row(draw, named(method, n), "seconds", time.perf_counter() - start))
    return rows


def named(method, n):
    return f"{method}, {n} label{'s' * (n > 1)}"


def mean_of(values):
    """Of those that could be measured; NaN of none."""
    return torch.tensor([math.nan if value is None else value for value in values]).nanmean().item()


# ---- what helps: heads, layers, resolution and truncation, on eyes that the generator draws ----
HELPS = {"as above": ({}, {}), "linear head": ({"head": "linear"}, {}), "cnn-s head": ({"head": "cnn-s"}, {}),
         "three times the steps": ({"steps": 600}, {}), "classes as they are": ({"balance": 0.0}, {}),
         "last two blocks": ({}, {"layers": "fine"}), "first two blocks": ({}, {"layers": "coarse"}),
         "half the resolution": ({}, {"coarser": 2}), "a quarter of the resolution": ({}, {"coarser": 4}),
         "a label without truncation": ({}, {"truncation": 1.0})}


def helps_rows(bench, draw, n=100):
    """IoU on n new drawn eyes, the same for all, with the expert's masks; from one label, with one thing changed."""
    rows = []
    for name, (of_head, of_source) in HELPS.items():
        source, asked = bench.drawn(**of_source), bench.drawn(**{**of_source, "truncation": None})
        z, _, masks = bench.labelled(source, 1, draw)
        head = fitted(source.whole(z)[1], at_size(one_hot(masks, CLASSES), source.size), replace(bench.scale.head, **of_head), draw)
        images, predicted = zip(*((to_uint8(given), at_size(head.predict(columns)[1], masks.shape[1:]))
                                   for given, columns in asked.parts(bench.latents(n, 95_000 + draw))))
        true = segmented(bench.expert, torch.cat(images))[0]
        found = part_iou(torch.cat(predicted), true, CLASSES)
        rows += [row(draw, f"drawn eyes, {name}", f"iou_{part}", value) for part, value in zip(SEEN, found.tolist())]
        rows.append(row(draw, f"drawn eyes, {name}", "iou_mean", found.nanmean()))
    return rows


def at_size(probabilities, size):
    """The likeliest part (N, *size) of probabilities (N, classes, H, W) that are brought to another size."""
    return F.interpolate(probabilities.float(), tuple(size), mode="bilinear", antialias=True).argmax(1).to(torch.uint8)


# ---- other generators ----
def others_rows(bench, files, draw):
    """Rows of the method "generator" with other generators, each of which draws and labels its own eyes."""
    rows = []
    for file in files:
        generator, card = load_generator(file)
        other, name = Bench(generator, bench.scale), f"generator of {card['config']['steps']:,} steps, seed {card['seed']}"
        for n in (1, 10):
            source = other.drawn()
            found = by_generator(other, source, *other.labelled(source, n, draw), 100 * draw)
            rows += [row(draw, named(name, n), measure, value) for measure, value in found.items()]
    return rows


# ---- the bound, and the pupil's centre ----
def bound_rows(bench):
    """The expert itself on the test eyes, and how far its pupil centres lie from the geometry's."""
    masks, probabilities = segmented(bench.expert, bench.test.images)
    subject = "the expert: UNet from exact masks"
    off = (pupil_centre(weighted(masks, probabilities))[0] - bench.test.labels["pupil"]).norm(dim=1)
    exact = (pupil_centre(bench.test.labels["parts"])[0] - bench.test.labels["pupil"]).norm(dim=1)
    return [*(row(0, subject, measure, value) for measure, value in score(masks, probabilities, bench.test).items()),
            row(0, subject, "pupil_of_label_px", off[off.isfinite()].mean()),
            row(0, "exact masks", "pupil_of_label_px", exact[exact.isfinite()].mean())]


def table(rows):
    """Lines: each subject's IoU by part and mean with its interval over draws."""
    values = {}
    for line in rows:
        values.setdefault(line["subject"], {}).setdefault(line["measure"], []).append(line["value"])
    for subject, found in values.items():
        parts = "  ".join(f"{name} {mean_of(found[f'iou_{name}']):.3f}" for name in SEEN if f"iou_{name}" in found)
        mean = interval(found["iou_mean"]) if "iou_mean" in found else None
        reach = f" [{mean['low']:.3f}, {mean['high']:.3f}]" if mean and mean["n"] > 1 else ""
        pupil = f"  pupil {mean_of(found['pupil_px']):.2f} px" if "pupil_px" in found else ""
        print(f"{subject:40} {parts}" + (f"  mean {mean['mean']:.3f}{reach}" if mean else "") + pupil)


def shots_of(given):
    """"1,5,10"  ->  [1, 5, 10]"""
    return [COUNT(each) for each in given.split(",")]


def parts_of(a, bench, source):
    """Yield rows, a draw at a time: what was measured stays if the rest is not."""
    if a.helps or a.others:
        for draw in range(a.draws):
            yield (others_rows(bench, a.others, draw) if a.others else []) + (helps_rows(bench, draw) if a.helps else [])
        return
    if 1 in a.shots:
        yield bound_rows(bench)
    for n in a.shots:
        yield from (rows_of(bench, source, draw, n, a.seeds) for draw in range(a.draws))


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", type=OneOf(SCALES), default="small", help=f"how much of everything: {', '.join(SCALES)}")
    parser.add_argument("--draws", type=SEEDS, default=5, help="of label images")
    parser.add_argument("--seeds", type=SEEDS, default=1, help="networks for each")
    parser.add_argument("--shots", type=shots_of, default=[1, 5, 10], help="numbers of labels")
    parser.add_argument("--generator", type=text, metavar="FILE", help="another generator than the kit's")
    parser.add_argument("--networks", type=text, metavar="FOLDER", help="keep the denoiser there")
    parser.add_argument("--others", type=text, nargs="+", metavar="FILE", help="other generators, in place of the comparison")
    parser.add_argument("--helps", action="store_true", help="what helps a head, in place of the comparison")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    generator = (load_generator(a.generator) if a.generator else load_shipped_generator())[0]
    bench = Bench(generator, SCALES[a.profile], a.networks)
    job = {**asdict(bench.scale), "seeds": a.seeds, "generator": module_digest(generator)}
    asked = " --helps" * a.helps + (f" --others {' '.join(a.others)}" if a.others else "")
    asked = asked or f" --shots {','.join(map(str, a.shots))}"
    run = run_line("segmentation", a.profile, "simulated eyes", job, images=bench.scale.tested, **about(torch.device("cpu"),
                   f"python studies/segmentation.py --profile {a.profile} --draws {a.draws} --seeds {a.seeds}{asked}"))
    if a.record:
        check_addable(a.record, run, range(a.draws))
    rows, source = [], bench.drawn()
    for more in parts_of(a, bench, source):
        rows += more
        if a.record:
            add(a.record, run, more, range(a.draws))
    if a.json:
        print(json.dumps(rows))
        return
    table(rows)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
