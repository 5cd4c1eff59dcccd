"""All parts that are measured, each beside its plain reference."""

from functools import partial
from pathlib import Path

import torch

from benchmarks import reference
from benchmarks.measuring import Part, Work
from benchmarks.reference import ENDLESS, eyes
from simgan_lib.evaluation.gaze import GazeTrainingConfig, gaze_training
from simgan_lib.evaluation.judges import FeatureNetwork, two_sample_classifier
from simgan_lib.evaluation.pupil import pupil_centres
from simgan_lib.evaluation.realism import beyond_tone, kernel_distance
from simgan_lib.history import HistoryBuffer, mixed_batch
from simgan_lib.images import ImageSet, to_float
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.hands import simulate_hands
from simgan_lib.system.checkpoints import save_state
from simgan_lib.training import Training, TrainingConfig

STEPS = ("refiner_step", "refiner_step_with_margin", "discriminator_step")
REFLECTING = "refiner_step_reflecting"


class Ours:
    """The kit's own steps with the published networks, the history buffer in use."""

    def __init__(self, sizes, **settings):
        config = TrainingConfig(steps=1, batch=sizes.batch, buffer=sizes.buffer, **settings)
        self.training = Training(config, *(eyes(sizes.images, seed).to(sizes.device) for seed in (0, 1)), device=sizes.device)
        self.training.buffer.replace(to_float(eyes(sizes.buffer, seed=2).images).to(sizes.device))
        self.margin = self.training.refiner.margin

    def refiner_step(self, margin=0):
        self.training.refiner.margin = margin
        self.training.update_refiner()

    def refiner_step_with_margin(self):
        self.refiner_step(self.margin)

    def discriminator_step(self):
        self.training.refiner.margin = 0
        self.training.update_discriminator()

    def round(self):
        for _ in range(2):
            self.refiner_step()
        self.discriminator_step()


def step(name, sizes, **settings):
    """A step of Algorithm 1, or a round: once a batch."""
    return Work(getattr(Ours(sizes, **settings), name), sizes.batch)


def history(sizes):
    """The history buffer, once a batch."""
    fresh, buffer = (to_float(eyes(n, n).images).to(sizes.device) for n in (sizes.batch, sizes.buffer))
    kept = HistoryBuffer(sizes.buffer, torch.Generator(sizes.device))
    kept.replace(buffer)
    return Work(partial(mixed_batch, fresh, kept), sizes.batch)


def feeding(sizes):
    """Random batches of a memory-mapped set of images."""
    eyes(sizes.stored).save(Path(sizes.folder, "ours"))
    images = ImageSet.load(Path(sizes.folder, "ours"))
    training = Training(TrainingConfig(steps=1, batch=sizes.batch, buffer=0), images, images, device=sizes.device)
    return Work(partial(training.draw, images.images), sizes.batch)


SIMULATORS = {
    "gray": lambda device, n: simulate(n, 0, device=device), "colour": lambda device, n: simulate(n, 0, colour=True, device=device),
    "stand_in": lambda device, n: stand_in(n, 0, device=device), "hands": lambda device, n: simulate_hands(n, 0, device=device),
    "hands_224": lambda device, n: simulate_hands(n, 0, (224, 224), device)}
SLOWER = {"hands": 8, "hands_224": 32}                 # more pixels: fewer images are enough


def simulator(kind, sizes):
    """Many images at a time."""
    n = max(1, sizes.drawn // SLOWER.get(kind, 1))
    return Work(partial(SIMULATORS[kind], torch.device(sizes.device), n), n)


def simulator_singly(kind, sizes):
    """The same simulator, one image at a time."""
    return Work(partial(reference.singly, partial(SIMULATORS[kind], torch.device(sizes.device)), sizes.single), sizes.single)


def gaze(sizes):
    """The small gaze estimator's training, a step at a time."""
    training = gaze_training(simulate(sizes.images, 0), GazeTrainingConfig(steps=ENDLESS - 1), 0, sizes.device)
    return Work(partial(next, training), 64)


def pupils(sizes):
    """Ellipses fitted in all images."""
    return Work(partial(pupil_centres, simulate(sizes.pupils, 0).images), sizes.pupils)


def kernels(sizes):
    """The kernel distance, in blocks."""
    a, b = (eyes(sizes.judged, seed).images for seed in (0, 1))
    return Work(partial(kernel_distance, FeatureNetwork(1, 7).to(sizes.device), a, b), 2 * sizes.judged)


def two_sample(sizes):
    """The two-sample classifier's training."""
    a, b = (eyes(sizes.judged, seed).images for seed in (0, 1))
    return Work(partial(two_sample_classifier, a, b, 0, sizes.steps, device=sizes.device), 64 * sizes.steps)


def save_run(kept, path):
    """`torch.save`'s arguments, the kit's writing: behind a digest, whole or not at all, on the disk before it counts."""
    save_state(path, kept)


PARTS = {
    **{name: Part(partial(step, name), partial(reference.step, name), arithmetic=True, batched=True) for name in (*STEPS, "round")},
    # Beside the published step, whose convolutions see zeros beyond the edges.
    REFLECTING: Part(partial(step, "refiner_step", edges="reflect"), partial(reference.step, "refiner_step"), arithmetic=True,
                     batched=True),
    "buffer": Part(history, reference.history, batched=True),
    "data_feeding": Part(feeding, reference.feeding, batched=True),
    **{f"simulator_{kind}": Part(partial(simulator, kind), partial(simulator_singly, kind)) for kind in SIMULATORS},
    "gaze_training": Part(gaze, reference.gaze_training, arithmetic=True),
    "pupil_finder": Part(pupils, reference.pupils),
    "kernel_distance": Part(kernels, reference.kernel_distance, arithmetic=True),
    "two_sample": Part(two_sample, reference.two_sample, arithmetic=True),
    "tone_curves": Part(partial(reference.tone_curves, share=beyond_tone), reference.tone_curves),
    "checkpoint": Part(partial(reference.checkpoint, save=save_run), reference.checkpoint, "mb"),
}
