"""Every published number that the kit compares itself with, each with its grade and place: a correction is one line.

Grades: S, in the text of Apple's article; A, two independent public sources agree; B, one source; R, recalled, the PDF
not at hand: to be called "reported" wherever it is shown.
"""

from dataclasses import dataclass

GRADES = {"S": "in the article's text", "A": "two public sources agree", "B": "one public source", "R": "reported"}


@dataclass(frozen=True)
class Published:
    """value and unit as published; grade as above; where: table, figure or section; note: what to know."""

    value: float
    unit: str
    grade: str
    where: str
    note: str = ""

    def __str__(self):
        said = f"{self.value:g}{'' if self.unit in ('%', '') else ' '}{self.unit}"
        return f"{said} (reported)" if self.grade == "R" else said


# ---- networks ----
REFINER_PARAMETERS = Published(296_129, "parameters", "A", "section 3.1", "gaze, 35x55 gray")
DISCRIMINATOR_PARAMETERS = Published(75_906, "parameters", "A", "section 3.1", "gaze")
HAND_DISCRIMINATOR_PARAMETERS = Published(178_050, "parameters", "A", "section 3.2")
HAND_SIZE = Published(224, "px", "A", "section 3.2", "a side of a depth image")
HAND_REFINER_BLOCKS = Published(10, "blocks", "A", "section 3.2", "3x3 in one reading, 7x7 in another: ambiguous")
HAND_REFINER_FIRST_KERNEL = Published(7, "px", "A", "section 3.2", "a side of the first convolution, to 64 channels")
HAND_HOURGLASSES = Published(2, "modules", "R", "section 3.2", "the pose estimator: stacked hourglass")
HAND_HEAT_MAP = Published(64, "px", "R", "section 3.2", "a side of the pose estimator's heat maps; 14 joints")

# ---- training ----
LAMBDA = Published(0.01, "", "B", "a private reply, quoted publicly", "not in the paper; its scaling is not stated")
REFINER_WARMUP = Published(1000, "steps", "A", "section 3.1", "article: 500 to 2,000")
DISCRIMINATOR_WARMUP = Published(200, "steps", "A", "section 3.1")
HAND_REFINER_WARMUP = Published(500, "steps", "A", "section 3.2")
K_D = Published(1, "updates", "A", "section 3.1")
K_G = Published(2, "updates", "A", "section 3.1, first version", "the article has 50 for gaze, 2 for hands")
HAND_K_G = Published(2, "updates", "S", "article", "50 for gaze there")
LEARNING_RATE = Published(0.001, "", "A", "section 3.1, first version", "the article has 0.0001, and trains long")
BATCH = Published(512, "images", "A", "section 3.1")

# ---- results ----
TURING_REFINED_RIGHT = Published(517, "of 1000", "S", "Table 1", "p = 0.148, reported")
TURING_SYNTHETIC_RIGHT = Published(162, "of 200", "S", "Table 1", "p at most 1e-8, reported")
GAZE_SYNTHETIC_ERROR = Published(11.2, "degrees", "B", "Table 3", "CNN on synthetic images, tested on MPIIGaze")
GAZE_REFINED_ERROR = Published(7.8, "degrees", "B", "Table 3", "CNN on refined images, tested on MPIIGaze")
WITHIN_7_SYNTHETIC = Published(62.3, "%", "R", "Table 2")
WITHIN_7_SYNTHETIC_4X = Published(64.9, "%", "B", "Table 2")
WITHIN_7_REFINED = Published(69.4, "%", "R", "Table 2")
WITHIN_7_REFINED_4X = Published(87.2, "%", "B", "Table 2")
PUPIL_SHIFT = Published(1.1, "px", "S", "article, Figure 9", "mean; at 55 px eye width")
PUPIL_SHIFT_SD = Published(0.8, "px", "S", "article, Figure 9")
HANDS_SYNTHETIC = Published(69.7, "%", "R", "Table 4", "NYU, maximal joint error within 5 px")
HANDS_REFINED = Published(72.4, "%", "R", "Table 4")
HANDS_REAL = Published(74.5, "%", "B", "Table 4")
HANDS_SYNTHETIC_3X = Published(77.7, "%", "B", "Table 4")
HANDS_REFINED_3X = Published(83.3, "%", "B", "Table 4")
SVR_ERROR = Published(16.5, "degrees", "R", "Table 3", "trained on UT Multiview, real")
ALR_ERROR = Published(16.4, "degrees", "R", "Table 3", "trained on UT Multiview, real")
RANDOM_FOREST_ERROR = Published(15.4, "degrees", "R", "Table 3", "trained on UT Multiview, real")
KNN_REAL_ERROR = Published(16.2, "degrees", "R", "Table 3", "trained on UT Multiview, real")
CNN_REAL_ERROR = Published(13.9, "degrees", "R", "Table 3", "trained on UT Multiview, real")
KNN_SYNTHETIC_ERROR = Published(9.9, "degrees", "R", "Table 3", "trained on UnityEyes")

# ---- hand pose on NYU's 8,252 test frames: mean joint error of methods whose predictions are public ----
NYU_MEAN_ERRORS = {
    method: Published(value, "mm", "B", "xinghaochen/awesome-hand-pose-estimation, evaluation/README", note)
    for method, value, note in (
        ("DeepPrior 2015", 19.726, "with its refinement; 20.750 without"), ("DeepModel 2016", 17.036, ""),
        ("Feedback 2015", 15.973, ""), ("REN-9x6x6 2018", 12.694, ""), ("DeepPrior++ 2017", 12.238, ""),
        ("Pose-REN 2018", 11.811, ""), ("HandPointNet 2018", 10.540, ""), ("CrossInfoNet 2019", 10.078, ""),
        ("V2V-PoseNet 2018", 8.419, ""),
        ("TriHorn-Net 2022", 7.68, ""), ("DeepPrior++ Feature Mapping 2018", 7.441, ""))}

# ---- SS-GAN, Chen et al. 2019: FIDs of 50,000 images a side, in Inception's features ----
SSGAN_ALPHA = Published(0.2, "", "A", "code: google/compare_gan, kwotsin/mimicry", "weight of the generator's rotation loss")
SSGAN_BETA = Published(1, "", "A", "code: google/compare_gan, kwotsin/mimicry", "weight of the discriminator's rotation loss")
SNGAN_CIFAR10_FID = Published(16.77, "", "B", "kwotsin/mimicry, README", "± 0.04; without rotations")
SSGAN_CIFAR10_FID = Published(14.65, "", "B", "kwotsin/mimicry, README", "± 0.04; with rotations")
SSGAN_CIFAR10_FID_10K = Published(17.88, "", "B", "kwotsin/mimicry, README", "± 0.64; the paper's own, 10,000 images a side")
SNGAN_CELEBA64_FID = Published(5.71, "", "B", "kwotsin/mimicry, README", "aligned faces, 64 x 64")
SSGAN_CELEBA64_FID = Published(6.03, "", "B", "kwotsin/mimicry, README", "aligned faces: rotations make it worse")
SNGAN_CELEBA128_FID = Published(12.93, "", "B", "kwotsin/mimicry, README", "aligned faces, 128 x 128")
SSGAN_CELEBA128_FID = Published(15.18, "", "B", "kwotsin/mimicry, README", "aligned faces: rotations make it worse")


def all_published():
    """{name: Published} of everything above."""
    methods = {f"NYU_MEAN_ERRORS {method}": value for method, value in NYU_MEAN_ERRORS.items()}
    return {name: value for name, value in globals().items() if isinstance(value, Published)} | methods
