"""Gaze estimators that are no neural networks: what the paper's table of methods compares its network with.

All look at the same features: the means of a coarse raster of the eye image.  None of them was published with these very
settings; each is the plain form of its kind, from scikit-learn.  Raster and settings were chosen by the error on synthetic
images that were left out of the training, never by that on real or stand-in ones.

Not all learn from as many images.  Support vectors take more than quadratic time in their number, the lasso of adaptive
linear regression a square matrix of that side: of larger sets they get 5,000 and 2,000 images, drawn at random.
Paper: Table 3.  Taught in: notebook 09.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVR

from ..system.errors import UserError
from .gaze import check_labelled


def raster_features(images):
    """Means of a raster of 9 x 15 cells, each image's brought to mean 0 and length 1.  uint8 (N, C, H, W) -> float64 (N, C*9*15).

    So exposure and contrast, which say nothing of the gaze, are gone.  Cells of sizes that do not divide overlap by a pixel.
    An image of one gray level gives zeros.
    """
    cells = F.adaptive_avg_pool2d(images.cpu().double(), (9, 15)).flatten(1)             # (N, C*rows*columns)
    return F.normalize(cells - cells.mean(1, keepdim=True), dim=1).numpy()


class AdaptiveLinearRegression:
    """A short form of Lu et al.'s: an image is a sum of few training images, its gaze the same sum of their gazes.

    They look for weights of smallest L1 norm that add up to 1 and reconstruct the features within a tolerance.  Such
    weights are not negative where that can be; so here they are found by a lasso without negative ones, and scaled to add up to 1
    afterwards.  doi 10.1109/TPAMI.2014.2313123.
    """

    def fit(self, features, gaze):
        """features (N, D) of length 1, gaze (N, 2)."""
        self.features, self.gaze = features, gaze
        return self

    def predict(self, features):
        lasso = Lasso(0.001, fit_intercept=False, positive=True, precompute=True, tol=1e-3)
        weights = lasso.fit(self.features.T, features.T).coef_.reshape(len(features), -1)         # (M, N)
        total = weights.sum(1, keepdims=True)
        return weights @ self.gaze / np.where(total > 0, total, 1.0)


@dataclass(frozen=True)
class Method:
    """name: in tables.  make: seed -> a fresh regressor.  most: training images; of more, so many are drawn."""

    name: str
    make: Callable
    most: int | None = None


METHODS = {
    "mean": Method("always the mean", lambda seed: DummyRegressor()),
    "knn": Method("nearest neighbours", lambda seed: KNeighborsRegressor(5)),
    "forest": Method("random forest", lambda seed: RandomForestRegressor(100, max_features=1 / 3, min_samples_leaf=2,
                                                                         random_state=seed)),
    "svr": Method("support vectors", lambda seed: MultiOutputRegressor(SVR(gamma=1.0, C=1.0, epsilon=0.02)), most=5000),
    "alr": Method("adaptive linear regression", lambda seed: AdaptiveLinearRegression(), most=2000),
}


def train_method(name, training, seed=0):
    """Fit METHODS[name] to an ImageSet with gaze labels  ->  a function: ImageSet -> gaze (pitch, yaw) radians (N, 2).

    The same seed gives the same answers.
    Raises UserError for an unknown name, a set without images or gaze labels, or images of another shape later.
    """
    if name not in METHODS:
        raise UserError(f"unknown method {name!r}: expected one of {', '.join(METHODS)}")
    check_labelled(training, name)
    if METHODS[name].most is not None:
        training = training.shuffled(torch.Generator().manual_seed(seed))[:METHODS[name].most]
    shape, gaze = training.images.shape[1:], training.labels["gaze"].cpu().double().numpy()
    regressor = METHODS[name].make(seed).fit(raster_features(training.images), gaze)

    def predict(test):
        if test.images.shape[1:] != shape:
            raise UserError(f"images of {tuple(test.images.shape[1:])}: {name} was trained on {tuple(shape)}")
        return torch.from_numpy(regressor.predict(raster_features(test.images))).float()
    return predict
