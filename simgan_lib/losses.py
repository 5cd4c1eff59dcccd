"""SimGAN's losses: the local adversarial loss, the self-regularization, and from them the loss of each network.

Each returns one value an image, so that a mean over the batch does not depend on the batch size.
"""

import torch
import torch.nn.functional as F

REAL, REFINED = 0, 1      # the discriminator's two classes; softmax[:, REFINED] is the paper's D


def local_adversarial_loss(logits, label):
    """Cross-entropy of each local patch against one label, summed over the patch map.

    logits: float (N, 2, h, w), classes on axis 1.  label: REAL or REFINED.  Returns (N,), nats.
    The refiner's adversarial term is this loss with the label REAL on refined images: -log(1 - D(R(x))).
    Raises ValueError if the logits are not (N, 2, h, w) or the label is neither.
    Paper: eq. 1 and 2, section 2.2 (summed, not averaged, over patches).  Taught in: notebook 03.
    """
    if logits.ndim != 4 or logits.shape[1] != 2:
        raise ValueError(f"logits: expected (N, 2, h, w), found {tuple(logits.shape)}")
    if label not in (REAL, REFINED):
        raise ValueError(f"label: expected REAL ({REAL}) or REFINED ({REFINED}), found {label!r}")
    return -F.log_softmax(logits, dim=1)[:, label].sum(dim=(1, 2))                  # (N, h, w) -> (N,)


def self_regularization(refined, synthetic, features=None):
    """How far the refiner strayed from its input, in feature space.

    refined, synthetic: float (N, C, H, W) in [-1, 1].  features: a transform, default `identity`.
    Returns (N,): sum over features of |difference|.  Raises ValueError if the shapes differ.
    Paper: eq. 4 (features = identity), section 2.1.  Taught in: notebook 02.
    """
    if refined.shape != synthetic.shape:
        raise ValueError(f"refined is {tuple(refined.shape)}, synthetic {tuple(synthetic.shape)}: expected equal shapes")
    features = features or identity
    return (features(refined) - features(synthetic)).abs().flatten(1).sum(1)


def refiner_loss(logits, refined, synthetic, weight, features=None, terms=None):
    """Eq. 5 for each image: fool the discriminator, and stay near the input.

    logits: the discriminator's on `refined` (N, 2, h, w).  weight: lambda.  Returns (N,).
    terms: a dict that takes up both terms, "adversarial" and "regularization", (N,) each, to be watched.
    Paper: eq. 5, section 2.2 (eq. 3 with its two terms written out).  Taught in: notebook 05.
    """
    kept, fooled = self_regularization(refined, synthetic, features), local_adversarial_loss(logits, REAL)
    if terms is not None:
        terms |= {"adversarial": fooled.detach(), "regularization": kept.detach()}
    return fooled + weight * kept


def discriminator_loss(on_refined, on_real, terms=None):
    """Eq. 2 for each pair of images: call refined patches refined, and real ones real.

    on_refined, on_real: logits (N, 2, h, w).  Returns (N,).
    terms: a dict that takes up both terms, "refined" and "real", (N,) each, to be watched.
    Paper: eq. 2, section 2.2.  Taught in: notebook 05.
    """
    refined, real = local_adversarial_loss(on_refined, REFINED), local_adversarial_loss(on_real, REAL)
    if terms is not None:
        terms |= {"refined": refined.detach(), "real": real.detach()}
    return refined + real


def identity(images):
    """psi = the pixels themselves."""
    return images


def channel_mean(images):
    """psi = mean of the colour channels: hue may change, brightness not (article, Figure 8).  (N, 1, H, W)."""
    return images.mean(dim=1, keepdim=True)


def image_gradients(images):
    """psi = differences of neighbouring pixels, across and down: edges stay, brightness may drift.  (N, 2C, H, W)."""
    across = F.pad(images[..., :, 1:] - images[..., :, :-1], (0, 1, 0, 0))
    down = F.pad(images[..., 1:, :] - images[..., :-1, :], (0, 0, 0, 1))
    return torch.cat([across, down], dim=1)


def blurred(images, size=5):
    """psi = mean of size x size pixels (size odd): coarse structure stays, texture may change.  (N, C, H, W)."""
    return F.avg_pool2d(images, size, stride=1, padding=size // 2, count_include_pad=False)


def local_contrast(images):
    """psi = brightness relative to the 9 x 9 surroundings, in their standard deviations: light and tone curve may change
    at will, shapes may not.  (N, C, H, W).  Not in the paper; in its spirit ("invariant to illumination", section 2.1).
    Taught in: notebook 06.
    """
    apart = images - blurred(images, 9)
    return apart / (blurred(apart ** 2, 9) + 0.01).sqrt()


FEATURES = {"identity": identity, "channel_mean": channel_mean, "image_gradients": image_gradients, "blurred": blurred,
            "local_contrast": local_contrast}
