"""Short digests that tell sets of images and networks apart: what a kept run must have in common with the one that goes on."""

import hashlib

import torch


def sample_digest(images, n=256):
    """"shape, digest" of n of the images (N, C, H, W), evenly spread: tells sets apart without reading all of a large one."""
    places = torch.linspace(0, len(images) - 1, min(n, len(images))).long()
    pixels = images[places.to(images.device)].cpu().contiguous().numpy().tobytes()
    return f"{' x '.join(map(str, images.shape))}, digest {hashlib.sha256(pixels).hexdigest()[:12]}"


def module_digest(module):
    """Tells one torch module from another: what it is made of, and its weights."""
    digest = hashlib.sha256(f"{type(module).__qualname__} {module!r}".encode())
    for name, values in module.state_dict().items():
        digest.update(name.encode() + values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
