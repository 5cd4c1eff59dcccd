"""The stand-in real domain of hands: other people's hands before a body and a wall, seen by a structured-light camera.

It takes the place of NYU's pictures where there are none.  Its images have labels, so the kit can measure with them; no
method may train on those.  It differs from the simulator in how hands are built, in what they do, and in the camera.
Real hands differ from cones in skin, nails and sleeves, too, so what is gained here is a best case.
Taught in: notebook 14.
"""

from dataclasses import replace

import torch

from ..hands import CENTRE, FOCAL, Crop
from ..images import ImageSet
from ..system.errors import UserError
from .depth_camera import KINECT, structured_light
from .hand_model import BONES
from .hand_prior import HAND, SHAPE, HandPrior, Hands, draw_hands
from .hands import check_images, depth_of, generator_of, joints_of
from .parameters import Range, between

EACH = 50                 # pictures of a person, about
SEEN = {"cpu": 16, "cuda": 512}    # hands that the camera sees at a time
SHADOW = 24               # px to the left of the cube that may shade what is in it: 300 mm deep at 650 mm


def _changed(**bounds):
    return {name: replace(HAND[name], low=low, default=(low + high) / 2, high=high) for name, (low, high) in bounds.items()}


# Other people: hands reach beyond the simulator's sizes and proportions, and do other things, more often all fingers alike.
PEOPLE = HandPrior(
    ranges={**HAND, **_changed(
        scale=(0.78, 1.22), thickness=(0.85, 1.3), palm_width=(0.85, 1.15), turn=(-110, 110), roll=(-70, 70),
        **{f"{finger}_length": (0.88, 1.12) for finger in BONES}, **{f"{finger}_width": (0.85, 1.2) for finger in BONES})},
    states={"fist": ((70, 95), (20, 50, 30, 50)), "hook": ((10, 85), (35, 20, 15, 30)), "bent": ((60, 15), (20, 35, 10, 10)),
            "relaxed": ((20, 32), (28, 22, 15, 18)), "flat": ((2, 6), (25, 8, 3, 3)), "spread": ((0, 4), (50, 10, 0, 0))},
    alike=0.7, spread=9.0, wander=6.0)

# What is behind a hand; guessed from the one frame of NYU's that is at hand and from fifteen crops.
BACKDROP = {
    "body": Range(100, 270, 400, "mm", "the body's nearest line behind the hand"),
    "aside": Range(-350, 150, 350, "mm", "the body's middle to the right of the hand"),
    "half_width": Range(140, 180, 220, "mm", "half of the body's width; it is an upright cylinder, 0.6 times as deep"),
    "wall": Range(600, 1500, 2500, "mm", "the wall behind the hand; beyond 2 m from the camera it is not seen"),
}
ALONE = BACKDROP | {"body": Range(1000, 1200, 1400, "mm", "too far behind for the cube around the hand")}


def stand_in_hands(n, seed, size=(96, 96), device="cpu", progress=None):
    """n images of the stand-in real domain  ->  ImageSet like that of the reader of NYU, with the group `person`.

    The hands of a person share their shape; there are about 50 images a person.  Images and labels: see `photographed`.
    Same seed and device, same images.  progress: called as progress(done, n) now and then, for a bar.
    Raises UserError for less than one image, or more than fit into memory, and for what is no size, seed or device.
    """
    generator = generator_of(n, seed, size, device)
    hands, person = _people(n, generator)
    return replace(photographed(hands, generator, size, progress=progress), groups={"person": person})


def photographed(hands, generator, size=(96, 96), camera=KINECT, progress=None, backdrop=BACKDROP):
    """Hands before a body and a wall, through the camera  ->  ImageSet, encoded and labelled as the reader of NYU does.

    uint8 (N, 1, *size): a cube of 300 mm around the hand, whose far side, all behind it and what has no depth is 255.  The
    scene is seen at the camera's own pixels, of which the crop takes the nearest.
    Labels, for measuring: joints float32 (N, 14, 3), x, y px of the crop and z mm behind the cube's middle; cube float32 (N, 4),
    that middle's u, v px and z mm, and its width in mm.
    generator: on the hands' device; draws what is behind them, and the camera's errors.
    backdrop: {name: Range} of what is behind; with ALONE the cube shows the hand and the arm only.
    Raises UserError as `stand_in_hands`, and for a backdrop of other names than BACKDROP's.
    """
    check_images(len(hands), size, hands.device)
    if backdrop.keys() != BACKDROP.keys():
        raise UserError(f"backdrop: expected {', '.join(BACKDROP)}, found {', '.join(backdrop) or 'nothing'}")
    joints = joints_of(hands)
    crop, done = Crop.around(joints, size), 0
    images = torch.empty(len(hands), 1, *size, dtype=torch.uint8, device=hands.device)
    for at in crop.middle[:, 2].argsort().split(SEEN.get(hands.device.type, SEEN["cuda"])):     # alike in size at a time
        images[at, 0] = _seen(hands.chunk(at), replace(crop, middle=crop.middle[at]), generator, camera, backdrop)
        done += len(at)
        if progress is not None:
            progress(done, len(hands))
    return ImageSet(images, {"joints": crop.joints(joints), "cube": crop.label()},
                    source="stand-in real hands (simgan_lib.simulators.stand_in_hands)")


def _people(n, generator):
    """n hands of about n / EACH persons, each of whom is a prior of one shape, and the persons' names."""
    persons = max(1, n // EACH)
    person = torch.arange(n) * persons // n
    shapes = between({name: PEOPLE.ranges[name] for name in SHAPE},
                     torch.rand(len(SHAPE), persons, generator=generator, device=generator.device))
    hands = []
    for i, count in enumerate(person.bincount().tolist()):
        own = {name: replace(HAND[name], low=value[i].item(), high=value[i].item()) for name, value in shapes.items()}
        hands.append(draw_hands(count, generator, replace(PEOPLE, ranges={**PEOPLE.ranges, **own})))
    values = {name: torch.cat([each[name] for each in hands]) for name in HAND}
    return Hands(values), [f"person{i + 1:02d}" for i in person.tolist()]


def _seen(hands, crop, generator, camera, backdrop):
    """The crops (n, H, W) of hands, uint8, as the camera sees them."""
    columns, rows = crop.pixels()
    across, down = _with_margins(columns, camera.reach + SHADOW, camera.reach), _with_margins(rows, camera.reach, camera.reach)
    drawn = between(backdrop, torch.rand(len(backdrop), len(rows), 1, generator=generator, device=rows.device))
    depth = torch.minimum(depth_of(hands, (across, down)), behind(across, crop.middle, **drawn)[:, None])
    mm = structured_light(depth, generator, camera).nan_to_num(torch.inf)
    one = torch.arange(len(mm), device=mm.device)[:, None, None]
    return crop.image(mm[one, (rows - down[:, :1])[:, :, None], (columns - across[:, :1])[:, None]])


def _with_margins(pixels, before, after):
    """All pixels from the first to the last of each crop (N, W), and some before and after: (N, the longest)."""
    longest = int((pixels[:, -1] - pixels[:, 0]).max()) + 1
    return pixels[:, :1] + torch.arange(-before, longest + after, device=pixels.device)


def behind(columns, middle, body, aside, half_width, wall):
    """Depth of what is behind hands: mm (N, W), a body and a wall, the same in all rows.

    columns: (N, W), px of the camera's picture.  middle: places (N, 3) of the hands.  Others: (N, 1), see BACKDROP.
    """
    slope = (columns - CENTRE[0]) / FOCAL[0]                                           # of rays, x / z
    deep = 0.6 * half_width
    x, z = (middle[:, :1] - CENTRE[0]) / FOCAL[0] * middle[:, 2:] + aside, middle[:, 2:] + body + deep   # of the body's axis
    # ((slope t - x) / half_width)^2 + ((t - z) / deep)^2 = 1, of whose solutions the nearer one is seen
    a, b = (slope / half_width)**2 + deep**-2, slope * x / half_width**2 + z / deep**2
    root = b**2 - a * ((x / half_width)**2 + (z / deep)**2 - 1)
    return torch.where(root > 0, (b - root.clamp_min(0).sqrt()) / a, middle[:, 2:] + wall)
