"""Hands before a depth camera: the 14 joints that the field compares, the camera of NYU's pictures, the cube cut out of them.

Points are mm in camera coordinates, x right, y down, z away.  Places are (u, v, z): pixels of the camera, and mm.
Sources: public code for NYU Hand Pose (camera; which 14 of the 36 joints), mmpose's configuration of that data set (names).
"""

from dataclasses import dataclass

import numpy as np
import torch

from .system.errors import UserError
from .system.settings import Number, Whole, short

FOCAL, CENTRE = (588.03, 587.07), (320.0, 240.0)             # pixels
PICTURE = (480, 640)                                         # rows and columns of the camera
NO_DEPTH = 2001                                              # mm: what NYU's pictures say there, and for all beyond 2 m
CUBE = 300.0                                                 # mm: what is cut out around a hand
NOTHING = 255                                                # gray level of all that lies behind the cube or has no depth
LENGTH = Number(0, 100_000, above=True)                      # mm, or pixels
SIDE = Whole(1, 4096)                                        # pixels of an image's side
# In the order of the evaluation.  R: the proximal end of the middle bone, by the PIP joint; the thumb's R2 and R1: the
# proximal ends of its last and of its middle bone.
JOINT_NAMES = ("little tip", "little R", "ring tip", "ring R", "middle tip", "middle R", "index tip", "index R",
               "thumb tip", "thumb R2", "thumb R1", "wrist 1", "wrist 2", "palm")


def projected(points, focal=FOCAL, centre=CENTRE):
    """Points (..., 3) mm  ->  places (..., 3): u, v px and z mm.

    focal, centre: of a camera, (x, y) in pixels; NYU's if no others are given, as an exercise of notebook 14 does.
    """
    x, y, z = points.unbind(-1)
    return torch.stack([focal[0] * x / z + centre[0], focal[1] * y / z + centre[1], z], -1)


def unprojected(places, focal=FOCAL, centre=CENTRE):
    """Places (..., 3): u, v px and z mm  ->  points (..., 3) mm.  Inverse of `projected`."""
    u, v, z = places.unbind(-1)
    return torch.stack([(u - centre[0]) * z / focal[0], (v - centre[1]) * z / focal[1], z], -1)


@dataclass(frozen=True)
class Crop:
    """Windows cut out of N pictures: a cube around each hand, shown with `size` (rows, columns) pixels.

    middle  places (N, 3) of the cubes' centres.
    cube: its width, height and depth, mm; or a tensor (N,), a number for each.
    """

    middle: torch.Tensor
    size: tuple
    cube: float = CUBE

    @classmethod
    def around(cls, joints, size, cube=CUBE):
        """The cube around the mean point of joints, whose places (N, J, 3) are given."""
        return cls(projected(unprojected(joints).mean(1)), tuple(size), cube)

    @classmethod
    def of(cls, hands):
        """What the images of an ImageSet show, from its label cube (see `label`).  Raises UserError without a possible one."""
        if "cube" not in hands.labels or hands.labels["cube"].shape[1:] != (4,):
            found = ", ".join(f"{name} {tuple(each.shape[1:])}" for name, each in sorted(hands.labels.items())) or "none"
            raise UserError(f"labels of hands: expected cube (4,), found {found}")
        cube = hands.labels["cube"].double()
        wrong = ~(cube.isfinite().all(1) & (cube[:, 2:] > 0).all(1))
        if wrong.any():
            raise UserError(f"label cube: expected finite u, v and z, width above 0 mm, found {cube[wrong][0].tolist()}")
        return cls(cube[:, :3], tuple(hands.images.shape[2:]), cube[:, 3])

    def label(self):
        """The label cube, float32 (N, 4): u, v, z of the middle, and the width in mm.  With it joints find back: `places`."""
        return torch.cat([self.middle, self._sides().expand(len(self.middle), 1)], 1).float()

    def _sides(self):
        return torch.as_tensor(self.cube, dtype=self.middle.dtype, device=self.middle.device).reshape(-1, 1)

    def _steps(self):
        """Pixels of the camera for one of the crop, across and down (N, 2); the crop's middle, in its own pixels (2,)."""
        step = self.middle.new_tensor(FOCAL) * self._sides() / self.middle[:, 2:] / self.middle.new_tensor(self.size[::-1])
        return step, (self.middle.new_tensor(self.size[::-1]) - 1) / 2

    def pixels(self):
        """Which pixels of the camera it shows: columns (N, W) and rows (N, H), whole numbers, some outside the picture.

        The nearest one is taken: between a hand and the wall behind it, a mean depth would be neither.
        """
        step, half = self._steps()
        along = (torch.arange(n, device=step.device) for n in self.size[::-1])
        return tuple((self.middle[:, i, None] + (k - half[i]) * step[:, i, None]).round().long() for i, k in enumerate(along))

    def joints(self, places):
        """Places (N, J, 3)  ->  float32 (N, J, 3): x, y px of the crop (first pixel's centre: 0, 0), z mm behind its middle."""
        step, half = self._steps()
        across = (places[..., :2] - self.middle[:, None, :2]) / step[:, None] + half
        return torch.cat([across, places[..., 2:] - self.middle[:, None, 2:]], -1).float()

    def places(self, joints):
        """Joints (N, J, 3) of the crops  ->  places (N, J, 3).  Inverse of `joints`."""
        step, half = self._steps()
        return torch.cat([self.middle[:, None, :2] + (joints[..., :2] - half) * step[:, None],
                          self.middle[:, None, 2:] + joints[..., 2:]], -1)

    def image(self, mm):
        """Depth (N, H, W) mm, inf: none  ->  uint8: the cube's near side is 0, its far side and all behind it 255."""
        behind = (mm - self.middle[:, 2, None, None]) / self._sides()[..., None]
        return ((behind + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)


# ---- what is given ----
def check_size(size):
    """UserError unless size is (rows, columns), 1 to 4,096 each."""
    if not isinstance(size, (tuple, list)) or len(size) != 2 or not all(map(SIDE.holds, size)):
        raise UserError(f"size: expected (rows, columns), {SIDE} each, found {short(size)}")


def as_numbers(values):
    """float64 array of a tensor on any device, or of what numpy takes; None for texts, ragged lists and what else is no numbers."""
    try:
        values = np.asarray(values.detach().cpu().double() if torch.is_tensor(values) else values)
    except ValueError:                                                                  # a ragged list
        return None
    return values.astype(np.float64) if values.dtype.kind in "uif" else None
