"""One check for each exercise: used in notebooks, in tests and in grading.

A check takes an answer (a function or a class), tries it, and returns if it is right.  It raises `Wrong` with one
sentence that names the likely mistake without showing the answer, and `Open` if there is no answer yet.
Nothing that an answer returns is compared before it has been turned into plain numbers: an object that claims to equal
everything proves nothing.
"""

from .ablations import beyond_seeds, diversity
from .base import Check, Draw, Open, Wrong, check, expect, expect_gradients, yours_or_ours
from .domain_gap import angular_error_deg, gaze_vector
from .feature_regularizer import local_contrast
from .forgetting import rotate_batch, rotation_discriminator_loss, rotation_generator_loss
from .gaze_estimation import cumulative_curve, resampled_mean
from .hands import error_curve, joints_from_heat_maps, projected, unprojected, visible
from .history_buffer import chance_to_survive, history_buffer, mixed_batch
from .local_loss import local_adversarial_loss, receptive_field
from .pupil_centres import mean_shift, vertex
from .real_data import mirrored, nearest_distance
from .refiner import channel_mean, image_gradients, self_regularization
from .segmentation import hypercolumn, part_iou
from .tour import who_sees_what
from .training import discriminator_loss, refiner_loss
from .turing import binomial_p, power
