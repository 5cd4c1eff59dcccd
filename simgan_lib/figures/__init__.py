"""Figures: each function takes data and returns (matplotlib Figure, alternative text: one sentence that describes it).

One colour and one line style for each meaning in the whole kit; colour maps are cividis and gray.  So every figure can
be read in gray print and by readers who confuse red and green.
"""

from .ablations import forest_figure, rising_figure
from .attribution import waterfall
from .base import (
    DPI,
    GAP,
    MARKERS,
    PAPER,
    PART_COLOURS,
    POINTS,
    SERIES,
    STYLE,
    canvas,
    html_image,
    montage,
    montage_figure,
    picture,
    save_figure,
    show_image,
    to_png,
)
from .domain_gap import eye_figure, parts_figure
from .feature_regularizer import price_lines_figure, psi_figure, trade_figure
from .forgetting import bands_figure, bars_figure, ring_figure
from .gaze_estimation import gaze_arrows_figure, gaze_curve_intervals, methods_figure, recorded_curves, within_shares
from .hands import error_curves_figure, hands_figure
from .history_buffer import chase_beside_figure, chase_figure, memory_figure, minibatch_figure, verdict_figure
from .local_loss import maps_figure, windows_figure
from .overview import overview_figure
from .pupil_centres import falling_lambda_figure, fits_figure, parts_named_figure
from .refiner import price_figure
from .segmentation import features_figure, masks_figure
from .turing import alarms_figure, power_figure, turing_figure
