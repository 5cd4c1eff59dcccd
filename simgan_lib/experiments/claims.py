"""What the papers of SS-GAN and RepurposeGAN claim, and what was measured here: one table.

Chen et al., CVPR 2019, arXiv 1811.11212; Tritrong et al., CVPR 2021, arXiv 2103.04379.  Taught in: notebooks 12 and 13.
"""

from dataclasses import dataclass

from .. import paper
from ..evaluation.statistics import interval
from .differences import seed_by_seed
from .tables import MISSING, markdown_table, shown_difference

OURS, NOT_RUN = "our question", "not run"
BY = {                   # experiment: what measures it, or what that would take
    "forgetting": "`studies/forgetting.py`", "SS-GAN": "`studies/forgetting.py`", "memory": "`studies/memory.py`",
    "segmentation": "`studies/segmentation.py`", "FID, CIFAR-10": "a GPU, preset `cifar10`", "FID, CelebA": "not planned",
}


@dataclass(frozen=True)
class Claim:
    """One claim, and the measurement that speaks for it or against it.

    published: numbers of `paper`, or else where the claim stands.  measured: in words what is subtracted from what.
    subject, base, measure: of the records of `experiment`; without a base the subject's own value.  form: how it is printed.
    """

    said: str
    published: tuple | str
    measured: str
    experiment: str
    subject: str
    base: str | None
    measure: str
    form: str

    def place(self):
        """The published numbers with their grade and place; the place alone where no number was verified."""
        return (self.published if isinstance(self.published, str) else
                f"{' to '.join(map(str, self.published))} ({self.published[0].where})")

    def found(self, job):
        """`interval` over seeds and the "values"; None if it was not measured."""
        if self.base:
            return seed_by_seed(job, self.subject, self.base, self.measure)
        values = list(job.by_seed(self.subject, self.measure).values())
        return interval(values) | {"values": values} if values else None

    def rows(self, records):
        """A row for each job that measured it; without any, one that says so."""
        seen = [(job, found) for job in records.jobs(experiment=self.experiment) if (found := self.found(job))]
        cells = [(shown_difference(found, self.form), f"{found['n']}, {job.domain}") for job, found in seen] or [(NOT_RUN, MISSING)]
        return [[self.said, self.measured, ours, self.place(), of, BY[self.experiment]] for ours, of in cells]


CLAIMS = (
    Claim("Rotations: a task is learned again faster", "SS-GAN, Figure 3",
          "balanced accuracy after 20 steps: rotations - no rotations",
          "forgetting", "rotation", "none", "balanced_accuracy_20", "+.3f"),
    Claim("It is not the second task as such", OURS, "the same: rotations - shuffled labels",
          "forgetting", "rotation", "shuffled", "balanced_accuracy_20", "+.3f"),
    Claim("Without them nothing is carried over", "SS-GAN, Figure 3", "AUC after 10 steps: second - first time, no rotations",
          "forgetting", "none", None, "carry_over", "+.3f"),
    Claim("With them tasks are carried over", "SS-GAN, Figure 3", "the same: rotations - no rotations",
          "forgetting", "rotation", "none", "carry_over", "+.3f"),
    Claim("A GAN's features end better with them", "SS-GAN, Figure 2", "linear probe, %: SS-GAN - plain GAN",
          "SS-GAN", "SS-GAN", "plain GAN", "probe_percent", "+.1f"),
    Claim("They do not fall back from their best", "SS-GAN, Figure 2", "end - best, points: SS-GAN - plain GAN",
          "SS-GAN", "SS-GAN", "plain GAN", "probe_from_best_percent", "+.1f"),
    Claim("The FID falls", (paper.SNGAN_CIFAR10_FID, paper.SSGAN_CIFAR10_FID), "CIFAR-10, 50,000 images",
          "FID, CIFAR-10", "SS-GAN", "SNGAN", "fid_50k", "+.2f"),
    Claim("The paper's own FID", (paper.SSGAN_CIFAR10_FID_10K,), "CIFAR-10, 10,000 images",
          "FID, CIFAR-10", "SS-GAN", None, "fid_10k", ".2f"),
    Claim("On aligned faces it rises (found by others)", (paper.SNGAN_CELEBA64_FID, paper.SSGAN_CELEBA64_FID), "CelebA, 64 x 64",
          "FID, CelebA", "SS-GAN", "SNGAN", "fid_50k", "+.2f"),
    Claim("SimGAN's history keeps old fakes in mind", OURS, "AUC on eyes of 500 rounds ago: history - none",
          "memory", "buffer", "none", "auc_500", "+.2f"),
    Claim("Rotations help beside SimGAN's history", OURS, "AUC on eyes of 500 rounds ago: both - history",
          "memory", "both", "buffer", "auc_500", "+.2f"),
    Claim("They help gaze, too", OURS, "gaze error, degrees: both - history",
          "memory", "both", "buffer", "gaze_error", "+.2f"),
    *(Claim(said, "RepurposeGAN", f"mean IoU, {n}: generator - augmented UNet",
            "segmentation", f"generator, {n}", f"augmented UNet, {n}", "iou_mean", "+.3f")
      for said, n in (("A GAN's features make one label do more", "1 label"), ("They help with five labels", "5 labels"),
                      ("They help with ten labels", "10 labels"))),
    Claim("Ten labels are better than one", OURS, "mean IoU, generator: 10 labels - 1 label",
          "segmentation", "generator, 10 labels", "generator, 1 label", "iou_mean", "+.3f"),
    Claim("The student answers for eyes that were not drawn", "RepurposeGAN", "pupil's centre off by, px: generator, 1 label",
          "segmentation", "generator, 1 label", None, "pupil_px", ".2f"),
    *(Claim(said, OURS, f"mean IoU, {n}: generator - {other}",
            "segmentation", f"generator, {n}", f"{other}, {n}", "iou_mean", "+.3f")
      for said, other, n in (("A GAN's features, with a student, beat a denoiser's", "denoiser", "1 label"),
                             ("Also if both have a student", "denoiser, student", "1 label"),
                             ("Also with ten labels", "denoiser, student", "10 labels"),
                             ("They beat the nearest pixel in a denoiser's", "nearest neighbour", "1 label"))),
)
NOTE = """*ours*: the mean over seeds and its 95 % interval by Student's t; differences are taken seed by seed. Seeds of
segmentation are draws of the labelled eyes. A claim of *nothing* expects 0; of FID and gaze error, a difference below 0; each other
one, a difference above 0; a distance in px has no such sign. Where an interval holds 0, these seeds do not decide. A paper without
a number: none was verified. What limits each answer: findings.md, on
[forgetting](findings.md#does-a-second-task-keep-a-discriminator-from-forgetting) and on
[parts](findings.md#does-a-generator-know-the-parts-of-what-it-draws). Commands: below."""


def claims_table(records):
    """Each claim of the two papers that can be tried here.  A phone shows the first three columns at once."""
    rows = [line for claim in CLAIMS for line in claim.rows(records)]
    return markdown_table(["claim", "measured here", "ours", "published", "seeds, images", "by"], rows)
