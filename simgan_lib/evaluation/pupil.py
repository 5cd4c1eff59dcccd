"""Does the pupil stay where it was?  An ellipse is fitted to the iris, in synthetic and refined images alike.

Real eyes, and good refined ones, are dark: the pupil cannot be told from the iris.  What both kinds of image show is
the limbus, the edge between iris and white, whose centre is the pupil's.  The lids hide its top and bottom, so the fit
starts from the edges to the left and right.  No step is random.  Where the simulator's exact masks are at hand, they are
laid over the image instead, and nothing has to be found.  A third way, a network that names the parts, is `masks.part_centres`.
Taught in: notebook 08.
"""

import math
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.measure import CircleModel, EllipseModel

from ..images import pixel_pairs, pixels

EYE_WIDTH = 55                    # px: what the article's 1.1 +- 0.8 px refer to
RADII = (0.130, 0.185)            # radius of the iris, in image widths: 11.5 to 13 mm across in crops 33 to 40 mm wide
USUAL_RADIUS = 0.157
SMALLEST = 0.138                  # a fitted circle that is smaller is no iris
SIDES = math.radians(55)          # how far from the horizontal the limbus is usually free of lids
RAYS = np.arange(60) * 2 * math.pi / 60   # directions in which the edge is looked for
RIGHT, LEFT = np.cos(RAYS) > math.cos(SIDES), np.cos(RAYS) < -math.cos(SIDES)   # those where lids seldom are
REACH = 5                         # px at 55 px eye width by which an exact mask is moved each way
CHUNK = 256                       # images searched at a time


# ---- what is measured ----
def pupil_centres(images, progress=None):
    """Pupil centres (x, y) px, float (N, 2), of an ImageSet or of uint8 images (N, C, H, W); NaN where no iris fits.

    The centre of the top-left pixel is (0, 0).  About 7 ms an image.  For crops as wide as MPIIGaze's (33 to 40 mm) and
    eyes that look within some 30 degrees of the camera; others are often NaN, and can be wrong.
    progress: called as progress(done, total) now and then, for a bar.
    """
    return iris_ellipses(images, progress)[:, :2]


def pupil_shifts(synthetic, refined):
    """How far the pupil's centre moved (dx, dy) (N, 2), in px at 55 px eye width; NaN where either has no fit.

    Raises ValueError if the images differ in shape.  Article: Figure 9.
    """
    before, after = pixel_pairs(synthetic, refined)
    return (pupil_centres(after) - pupil_centres(before)) * EYE_WIDTH / before.shape[-1]


def estimator_error(images):
    """`summary` of how wrong the estimate itself is on an ImageSet whose `pupil` label is exact, px at 55 px eye width.

    To be stated beside any shift: a shift of this size is not told from none.
    """
    return summary((pupil_centres(images) - images.labels["pupil"].cpu()) * EYE_WIDTH / images.images.shape[-1])


def pupil_shift(synthetic, refined):
    """`summary` of the distance between the pupil's centres before and after, px at 55 px eye width.  Article: Figure 9."""
    return summary(pupil_shifts(synthetic, refined))


def mean_shift(before, after, width):
    """Mean distance between centres (N, 2) in images `width` px wide, in px at 55 px eye width; NaN are left out."""
    return summary((after - before) * EYE_WIDTH / width)["mean"]


def summary(shifts):
    """Lengths of the shifts (N, 2): their mean and sd, the number n that were measured, the share `failed` (NaN).

    >>> summary(torch.tensor([[3.0, 4.0], [0.0, 1.0], [math.nan, math.nan]]))
    {'mean': 3.0, 'sd': 2.0, 'n': 2, 'failed': 0.333...}
    """
    length = shifts.norm(dim=1)
    length = length[length.isfinite()]
    n = len(length)
    mean, sd = (length.mean().item(), length.std(correction=0).item()) if n else (math.nan, math.nan)
    return {"mean": mean, "sd": sd, "n": n, "failed": 1 - n / len(shifts)}


def iris_ellipses(images, progress=None):
    """Ellipses (x, y, semi-axis, semi-axis, angle) px and radians, float (N, 5); NaN where none fits."""
    images, found = pixels(images), []
    for part in images.split(CHUNK):
        gray = normalised(part)
        circles, _ = _fitted_circles(gray, coarse_circles(gray))
        circles, edges = _fitted_circles(gray, circles)        # again from a better centre: rays meet the edge squarely
        circles[circles[:, 2] < SMALLEST * gray.shape[2]] = np.nan   # the limbus on one side, the pupil's edge on the other
        found.append(torch.from_numpy(np.stack([_fitted_ellipse(*each) for each in zip(circles, *edges)])).float())
        if progress is not None:
            progress(sum(map(len, found)), len(images))
    return torch.cat(found)


def pupils_in_place(images, labels, limit=1.0):
    """Share of images (N, C, H, W) whose pupil is found within `limit` px, at 55 px width, of the label `pupil`.

    Where no iris fits, the pupil is not found.  Exact labels, no other image to compare with; some 90 % for synthetic eyes.
    """
    wrong = (pupil_centres(images) - labels["pupil"].cpu()).norm(dim=1) * EYE_WIDTH / pixels(images).shape[-1]
    return (wrong < limit).float().mean().item()               # NaN < limit is False


def iris_contrast(images, labels):
    """How much darker the iris is than the white, as a share of the image's mean brightness: mean over the images.

    By the exact masks `parts` alone, with no search: also where an iris has faded, or another was painted beside it.
    Images of which less than 20 pixels of either are seen are left out; NaN if all are.
    """
    gray, parts = pixels(images).float().mean(1), labels["parts"].cpu()      # (N, H, W)
    white, iris = parts == 1, (parts == 2) | (parts == 3)
    seen = (white.sum((1, 2)) >= 20) & (iris.sum((1, 2)) >= 20)
    mean = [(gray * mask).sum((1, 2)) / mask.sum((1, 2)) for mask in (white, iris)]
    return ((mean[0] - mean[1]) / gray.mean((1, 2)))[seen].mean().item()


# ---- where the iris is, roughly ----
def normalised(images):
    """uint8 (N, C, H, W)  ->  float (N, H, W): dark is 0, bright is 1 (clipped at 1.2), noise slightly smoothed."""
    gray = images.float().mean(1)                              # (N, H, W)
    low, high = torch.quantile(gray.flatten(1), torch.tensor([0.02, 0.9]), dim=1)[:, :, None, None]
    gray = ((gray - low) / (high - low).clamp(min=8)).clamp(0, 1.2)
    sigma = 0.5 * images.shape[-1] / EYE_WIDTH
    return torch.from_numpy(gaussian_filter(gray.numpy(), (0, sigma, sigma)))


def coarse_circles(gray):
    """The best circle (x, y, r) px, (N, 3), to about a pixel: dark within, and brighter outwards to its left and right.

    An edge counts up to a limit: a glint or a lash must not outweigh the whole limbus.  The weaker side counts again
    half: one side alone may be the corner of the eye.  Larger images are searched at 55 px width.
    """
    scale = gray.shape[2] / EYE_WIDTH
    small = (round(gray.shape[1] / scale), EYE_WIDTH)
    if gray.shape[1:] != small:
        gray = F.interpolate(gray[:, None], size=small, mode="bilinear", antialias=True, align_corners=False)[:, 0]
    radii = torch.linspace(*RADII, 7) * EYE_WIDTH
    score = _circle_score(gray, radii)
    rows, columns = (torch.arange(n) / n for n in small)
    rim = ((rows <= 0.2) | (rows >= 0.85))[:, None] | (columns <= 0.25) | (columns >= 0.75)   # no pupil is there
    score[..., rim] = -torch.inf
    r, y, x = np.unravel_index(score.flatten(1).argmax(1).numpy(), score.shape[1:])
    return np.stack([(x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5, radii.numpy()[r] * scale], 1)


def _circle_score(gray, radii):
    """How well a circle of each radius fits around each pixel, (N, R, H, W)."""
    rings, discs = _templates(radii)
    margin = (rings.shape[-1] // 2,) * 4
    sides = F.conv2d(F.pad(_limited_gradient(gray, 0.12), margin), rings).unflatten(1, (len(radii), 2))
    bright = F.conv2d(F.pad(gray[:, None], margin, mode="replicate"), discs)
    unusual = ((radii - USUAL_RADIUS * EYE_WIDTH) / 0.55) ** 2   # (R,)
    return sides.sum(2) + 0.5 * sides.amin(2) - bright - 0.06 * unusual[:, None, None]


def _limited_gradient(gray, most):
    """(N, 2, H, W): slopes in x and y, in units of `most`, no longer than 1."""
    down, right = torch.gradient(gray, dim=(1, 2))
    return torch.stack([right, down], 1) / torch.hypot(right, down).clamp(min=most)[:, None]


def _templates(radii):
    """Kernels: rings (2 R, 2, K, K) that average the outward slope on the left and right; discs (R, 1, K, K)."""
    reach = math.ceil(max(radii)) + 2
    y, x = np.mgrid[-reach:reach + 1, -reach:reach + 1].astype(float)
    distance = np.hypot(x, y) + 1e-9
    rings, discs = [], []
    for r in radii.numpy():
        for side in (-1, 1):
            arc = np.exp(-0.5 * ((distance - r) / 0.7) ** 2) * (side * x / distance > math.cos(SIDES))
            rings.append(np.stack([x, y]) / distance * arc / arc.sum())
        # Iris and pupil: the darker the middle, the better, even where the iris is light.
        whole, middle = distance < 0.8 * r, distance < 0.35 * r
        discs.append(0.4 * whole / whole.sum() + 1.0 * middle / middle.sum())
    return torch.tensor(np.stack(rings)).float(), torch.tensor(np.stack(discs))[:, None].float()


# ---- its edge, to a fraction of a pixel ----
def edge_points(gray, circles):
    """Along each ray from the circles' centres, the steepest rise near the radius: points (N, R, 2), slopes (N, R)."""
    t, cosine, sine = np.linspace(0.75, 1.3, 60), np.cos(RAYS)[:, None], np.sin(RAYS)[:, None]
    x, y, r = (column[:, None, None] for column in circles.T)
    rho = r * t                                                # (N, 1, T)
    image = np.arange(len(gray))[:, None, None]
    at = np.broadcast_arrays(image, y + rho * sine, x + rho * cosine)
    profile = gaussian_filter(map_coordinates(gray.numpy(), at, order=1, mode="nearest"), (0, 0, 2))
    slope = np.gradient(profile, axis=2) / (r * (t[1] - t[0]))  # (N, R, T)
    best = (slope * np.exp(-0.5 * ((t - 1) / 0.2) ** 2)).argmax(2)
    steepness = np.take_along_axis(slope, best[..., None], 2)[..., 0]
    steepness[(best == 0) | (best == len(t) - 1)] = 0          # still rising where the ray ends: no edge
    rho = np.take_along_axis(np.broadcast_to(rho, slope.shape), best[..., None], 2)
    return np.stack([x + rho * cosine, y + rho * sine], -1)[:, :, 0], steepness


def _fitted_circles(gray, circles):
    """Circles through the edges at the sides (N, 3), NaN where they do not agree, and (points, which are edges)."""
    points, steepness = edge_points(gray, np.nan_to_num(circles, nan=1.0))
    edge = steepness > 0.2 * np.quantile(steepness[:, RIGHT | LEFT], 0.6, axis=1, keepdims=True)
    fitted = [_fitted_circle(*each) for each in zip(circles, points, edge)]
    return np.stack(fitted), (points, edge)


def _fitted_circle(start, points, edge):
    """Least squares, each time again without the points that are off by more than a twentieth of the radius."""
    on_sides, nothing = edge & (RIGHT | LEFT), np.full(3, np.nan)
    keep = on_sides
    for tolerance in (0.15, 0.08, 0.05, 0.05):
        circle = _fit(CircleModel, points[keep])
        if circle is None:
            return nothing
        off = np.abs(np.hypot(*(points - circle[:2]).T) - circle[2])
        keep = on_sides & (off < tolerance * circle[2])
    agree = min(keep[side].mean() for side in (RIGHT, LEFT))
    near = 0.8 < circle[2] / start[2] < 1.25 and np.hypot(*(circle[:2] - start[:2])) < 0.5 * start[2]
    return circle if near and agree >= 0.4 else nothing


def _fitted_ellipse(circle, points, edge):
    """The ellipse through all edges near the circle, lids or not (5,); the circle itself where that is no iris."""
    as_ellipse = np.array([*circle, circle[2], 0.0])
    near = edge & (np.abs(np.hypot(*(points - circle[:2]).T) - circle[2]) < 0.05 * circle[2])
    ellipse = _fit(EllipseModel, points[near])
    if ellipse is None:
        return as_ellipse
    narrow, wide = sorted(ellipse[2:4])
    # An iris seen from 40 degrees aside is 0.77 as wide as high.  Longer ones fit the two sides alone, but are none.
    plausible = narrow > 0.75 * wide and np.hypot(*(ellipse[:2] - circle[:2])) < 0.25 * circle[2]
    return ellipse if plausible else as_ellipse


def _fit(model, points):
    """The model's parameters by least squares, or None where it has none."""
    if len(points) < 8:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")            # too few distinct points: None says it
        if hasattr(model, "from_estimate"):        # scikit-image 0.26 and later
            fitted = model.from_estimate(points)
            if not fitted:
                return None
            parameters = [*fitted.center, *([fitted.radius] if model is CircleModel else [*fitted.axis_lengths, fitted.theta])]
        else:
            fitted = model()
            parameters = fitted.params if fitted.estimate(points) else [math.nan]
    return np.array(parameters, dtype=float) if np.isfinite(parameters).all() else None


# ---- the same by exact masks ----
def mask_shifts(images):
    """How far each iris lies from where its exact mask says: (dx, dy) (N, 2), px at 55 px eye width.

    images: an ImageSet with the simulator's label `parts`, which refined images keep.  The line where iris and white
    meet in the mask is moved over the image; where the image itself rises steepest across that line, there the iris is.
    NaN where that would be REACH px or more away, or where no white is to be seen.  Needs no search for an eye, so it
    also answers where no ellipse fits.  Raises KeyError without `parts`.
    """
    gray, parts = normalised(pixels(images)), images.labels["parts"].cpu()
    scale = gray.shape[2] / EYE_WIDTH
    reach = round(REACH * scale)
    lines, slopes = _limbus(parts, scale), _limited_gradient(gray, 0.12 / scale)      # (N, 2, H, W) each
    padded = F.pad(slopes, (reach,) * 4).flatten(0, 1)[None]                          # (1, 2 N, H + 2 R, W + 2 R)
    scores = F.conv2d(padded, lines, groups=len(lines))[0]                            # (N, 2 R + 1, 2 R + 1)
    found = torch.stack([_peak(score) for score in scores.numpy()]) - reach
    found[lines.flatten(1).abs().amax(1) == 0] = math.nan
    return found / scale


def _limbus(parts, scale):
    """Where iris and white meet in masks (N, H, W): vectors (N, 2, H, W) from the iris to the white, else 0."""
    iris, white = (torch.from_numpy(gaussian_filter(part.float().numpy(), (0, scale, scale))) for part in (parts >= 2, parts == 1))
    down, right = torch.gradient(iris, dim=(1, 2))
    return -torch.stack([right, down], 1) * (iris * white)[:, None]


def _peak(score):
    """(x, y) of the highest value of a map (H, W), to a fraction of a step; NaN if it lies on the border."""
    y, x = np.unravel_index(score.argmax(), score.shape)
    if min(x, y) == 0 or x == score.shape[1] - 1 or y == score.shape[0] - 1:
        return torch.full((2,), math.nan)
    return torch.tensor([x + vertex(*score[y, x - 1:x + 2]), y + vertex(*score[y - 1:y + 2, x])]).float()


def vertex(before, top, after):
    """Where the parabola through three neighbouring values has its highest point, in steps from the middle one.

    top: the largest of the three.  Returns a number from -0.5 to 0.5; 0 where all three are equal.

    >>> vertex(1.0, 3.0, 2.0)
    0.166...
    """
    curvature = before - 2 * top + after                       # negative at a top
    return float(0.5 * (before - after) / curvature) if curvature < 0 else 0.0
