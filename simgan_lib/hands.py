"""Hands before a depth camera: the 14 joints that the field compares, the camera of NYU's pictures, the cube cut out of them.

Points are mm in camera coordinates, x right, y down, z away.  Places are (u, v, z): pixels of the camera, and mm.
Sources: public code for NYU Hand Pose (camera; which 14 of the 36 joints), mmpose's configuration of that data set (names).
"""

from dataclasses import dataclass

import torch

FOCAL, CENTRE = (588.03, 587.07), (320.0, 240.0)             # pixels
PICTURE = (480, 640)                                         # rows and columns of the camera
CUBE = 300.0                                                 # mm: what is cut out around a hand
# In the order of the evaluation.  R: the proximal end of the middle bone, by the PIP joint; the thumb's R2 and R1: the
# proximal ends of its last and of its middle bone.
JOINT_NAMES = ("little tip", "little R", "ring tip", "ring R", "middle tip", "middle R", "index tip", "index R",
               "thumb tip", "thumb R2", "thumb R1", "wrist 1", "wrist 2", "palm")


def projected(points):
    """Points (..., 3) mm  ->  places (..., 3): u, v px and z mm."""
    x, y, z = points.unbind(-1)
    return torch.stack([FOCAL[0] * x / z + CENTRE[0], FOCAL[1] * y / z + CENTRE[1], z], -1)


def unprojected(places):
    """Places (..., 3): u, v px and z mm  ->  points (..., 3) mm.  Inverse of `projected`."""
    u, v, z = places.unbind(-1)
    return torch.stack([(u - CENTRE[0]) * z / FOCAL[0], (v - CENTRE[1]) * z / FOCAL[1], z], -1)


@dataclass(frozen=True)
class Crop:
    """Windows cut out of N pictures: a cube around each hand, shown with `size` (rows, columns) pixels.

    middle  places (N, 3) of the cubes' centres.
    cube, depth: width and height, and how deep it is, mm.
    """

    middle: torch.Tensor
    size: tuple
    cube: float = CUBE
    depth: float = CUBE

    @classmethod
    def around(cls, joints, size, cube=CUBE, depth=None):
        """The cube around the mean point of joints, whose places (N, J, 3) are given."""
        return cls(projected(unprojected(joints).mean(1)), tuple(size), cube, depth or cube)

    def _steps(self):
        """Pixels of the camera for one of the crop, across and down (N, 2); the crop's middle, in its own pixels (2,)."""
        step = self.middle.new_tensor(FOCAL) * self.cube / self.middle[:, 2:] / self.middle.new_tensor(self.size[::-1])
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

    def image(self, mm):
        """Depth (N, H, W) mm, inf: none  ->  uint8: the cube's near side is 0, its far side and all behind it 255."""
        behind = (mm - self.middle[:, 2, None, None]) / self.depth
        return ((behind + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
