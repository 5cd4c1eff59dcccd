"""The eye simulator: labelled eye images, analytically rendered, thousands at a time.

An eyeball (a sphere with iris, pupil and cornea) behind two lids in uneven skin, seen from 60 cm through a window of
37.5 x 22.5 mm, the geometry of MPIIGaze's normalised crops.  All lengths are millimetres, x right, y down, and z away
from the camera.  A left eye: the nose is on the image's left.
Taught in: notebook 01.  Takes the place of UnityEyes (paper section 3.1).
"""

import torch
import torch.nn.functional as F

from ..gaze import gaze_vector
from ..images import ImageSet
from ..system.side_by_side import mapped
from .parameters import EYE, draw_parameters

WINDOW = (22.5, 37.5)     # height and width of what the camera sees, mm
PARTS = ("skin", "sclera", "iris", "pupil", "glint")   # the values of the `parts` masks
IRIS_DEPTH = 10.4         # from the eyeball's centre to the plane of the iris, mm
CORNERS_AHEAD = 6.0       # the eye corners lie this far in front of the eyeball's centre, mm
LIDS_AHEAD = 4.0          # the middle of the lids lies this far in front of the corners, mm
UPPER_FOLLOWS = 0.13      # the upper lid rises with the gaze, mm a degree: some 0.7 of what the iris does
LOWER_FOLLOWS = 0.035     # and so does the lower one, less
CHUNK = {"cpu": 64, "cuda": 8192}  # eyes rendered at a time: on a CPU, as many as its cache holds the planes of

LUMINANCE = torch.tensor([0.299, 0.587, 0.114])
SKIN_TONES = torch.tensor([[0.22, 0.15, 0.11], [0.44, 0.31, 0.23], [0.68, 0.52, 0.42], [0.86, 0.71, 0.61]])
PORES = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
IRIS_TONES = torch.tensor([[0.09, 0.06, 0.045], [0.22, 0.14, 0.09], [0.30, 0.26, 0.17], [0.27, 0.30, 0.25], [0.36, 0.41, 0.44]])


def simulate(n, seed, size=(35, 55), colour=False, device="cpu", prior=EYE, progress=None):
    """n synthetic eyes drawn from the prior  ->  ImageSet with all labels.  Same seed and device, same images.

    progress: called as progress(done, total) now and then, for a bar.
    """
    return render(draw_parameters(n, torch.Generator(device).manual_seed(seed), prior), size, colour, progress)


def render(eyes, size=(35, 55), colour=False, progress=None):
    """Draw the eyes  ->  ImageSet of uint8 (N, 1 or 3, H, W) with exact labels.

    Labels: gaze (pitch, yaw) of the visual axis, radians (N, 2); pupil (x, y) px (N, 2); iris ellipse
    (x, y, a, b, angle from the x axis) px and radians (N, 5); parts uint8 (N, H, W), numbered as in PARTS.
    """
    rendered, chunks = [], _chunks(eyes)
    for part in mapped(lambda chunk: _rendered(chunk, size, colour), chunks, eyes.texture.device):
        rendered.append(part)
        if progress is not None:
            progress(len(rendered), len(chunks))
    images, labels = zip(*rendered)
    return ImageSet(torch.cat(images), _merged(labels), source="simulated eyes (simgan_lib.simulators.eyes)")


def labels_of(eyes, size=(35, 55)):
    """The labels that `render` gives, without drawing the images."""
    return _merged([_Layers(chunk, size).labels() for chunk in _chunks(eyes)])


def _chunks(eyes):
    size = CHUNK.get(eyes.texture.device.type, CHUNK["cuda"])
    return [eyes.chunk(slice(i, i + size)) for i in range(0, len(eyes), size)]


def _merged(labels):
    return {name: torch.cat([label[name] for label in labels]) for name in labels[0]}


def _rendered(eyes, size, colour):
    layers = _Layers(eyes, size)
    return layers.composed(colour).clamp_(0, 1).mul_(255).round_().to(torch.uint8), layers.labels()


def _column(values):
    """(N,) -> (N, 1, 1, 1), to be combined with planes (N, 1, H, W)."""
    return values[:, None, None, None]


def _bell(*distances):
    """exp(-(x^2 + ...)), 1 where all distances are 0.  Beyond 9 it falls no further: of less, exp is ten times as slow on CPUs."""
    return torch.exp(-sum(each.square() for each in distances).clamp_max(81))


class _Geometry:
    """Where things are: the pixel grid in millimetres, the eyeball's centre and axis, the lid curves."""

    def __init__(self, eyes, size):
        self.eyes, self.size = eyes, size
        self.gaze = torch.deg2rad(torch.stack([eyes["pitch"], eyes["yaw"]], -1))
        self._aim()
        self._crop()
        self._lids()

    def _aim(self):
        e = self.eyes
        # The eye is a left eye: nasal is the image's left, which is positive yaw.
        self.axis = gaze_vector(self.gaze - torch.deg2rad(torch.stack([e["kappa_up"], e["kappa"]], -1)))
        # The eyeball's centre lies behind the corners: a turned head moves it sideways between them.
        self.centre = torch.stack([e["eye_x"] + CORNERS_AHEAD * torch.deg2rad(e["head_yaw"]).sin(),
                                   e["eye_y"] + CORNERS_AHEAD * torch.deg2rad(e["head_pitch"]).sin()], -1)
        self.pupil = self.centre + IRIS_DEPTH * self.axis[:, :2]

    def _crop(self):
        """Pixels = a @ millimetres + b, with a (N, 2, 2) and b (N, 2); x and y: each pixel's millimetres (N, 1, H, W)."""
        e, (h, w) = self.eyes, self.size
        roll, zoom = torch.deg2rad(e["roll"]), e["zoom"]
        turn = torch.stack([torch.stack([roll.cos(), -roll.sin()], -1), torch.stack([roll.sin(), roll.cos()], -1)], -2)
        per_mm = torch.tensor([w / WINDOW[1], h / WINDOW[0]], device=roll.device)
        self.a = per_mm[:, None] * turn * zoom[:, None, None]
        shift = torch.stack([e["shift_x"], e["shift_y"]], -1) * per_mm
        self.b = torch.tensor([(w - 1) / 2, (h - 1) / 2], device=roll.device) + shift
        u = torch.arange(w, device=roll.device) - self.b[:, 0, None]                        # (N, W)
        v = torch.arange(h, device=roll.device) - self.b[:, 1, None]                        # (N, H)
        rows = torch.linalg.inv(self.a)[..., None, None].unbind(1)                          # (N, 2, 1, 1) each
        self.x, self.y = ((row[:, 0] * u[:, None] + row[:, 1] * v[:, :, None])[:, None] for row in rows)

    def to_pixels(self, points):
        """Millimetres (N, 2)  ->  pixels (N, 2)."""
        return (self.a @ points[:, :, None])[:, :, 0] + self.b

    def iris_ellipse(self):
        """The image of the iris circle: (x, y, a, b, angle) with a >= b, in px and radians (N, 5)."""
        # A circle seen along its axis' tilt: M M^T = r^2 (I - o o^T) restricted to x, y.
        o = self.axis[:, :2, None]
        flat = torch.eye(2, device=o.device) - o @ o.transpose(1, 2)
        spread = self.a @ flat @ self.a.transpose(1, 2) * self.eyes["iris_radius"][:, None, None] ** 2
        mean, half = (spread[:, 0, 0] + spread[:, 1, 1]) / 2, (spread[:, 0, 0] - spread[:, 1, 1]) / 2
        root = torch.hypot(half, spread[:, 0, 1])
        axes = [(mean + root).sqrt(), (mean - root).sqrt(), torch.atan2(spread[:, 0, 1], half) / 2]
        return torch.cat([self.to_pixels(self.pupil), torch.stack(axes, -1)], -1)

    def _lids(self):
        e = self.eyes
        head_yaw = torch.deg2rad(e["head_yaw"])
        half = _column(e["half_width"] * head_yaw.cos())
        self.level = level = self.y + self.x * _column(torch.deg2rad(e["tilt"]).tan())   # the outer corner (right) is higher
        self.t = t = self.x / half                                     # -1 at the nose, 1 at the temple
        near = _column(LIDS_AHEAD * head_yaw.sin()) / half             # a turned head moves the lids' middle
        self.arch = arch = (1 - t * t).clamp_min(0) ** _column(e["lid_shape"])
        skew = 1 + (_column(e["lid_peak"]) - near) * t * 1.6
        follow = e["pitch"] - e["head_pitch"]                          # the lids follow the gaze within the head
        down = -LIDS_AHEAD * torch.deg2rad(e["head_pitch"]).sin()
        upper = (e["upper_lid"] + UPPER_FOLLOWS * follow - down).clamp_min(0.6)
        lower = (e["lower_lid"] - LOWER_FOLLOWS * follow + down).clamp_min(0.6)
        self.from_upper = level + _column(upper) * arch * skew         # mm below the upper lid's edge
        self.from_lower = _column(lower) * arch * (1 + 0.25 * t) - level   # mm above the lower lid's edge


class _Layers:
    """What is seen: coverage of each part, and its colour, composed from the back to the front."""

    def __init__(self, eyes, size):
        self.eyes, self.place = eyes, (place := _Geometry(eyes, size))
        self.pixel = WINDOW[1] / size[1]                           # mm: edges are one pixel wide
        self.rough = F.interpolate(eyes.texture, size=size, mode="bicubic", align_corners=False)
        self.uneven = F.interpolate(eyes.texture[:, 1:, 1::3, 1::4], size=size, mode="bicubic", align_corners=True)
        # Offset and distance from the pupil's centre within the tilted plane of the iris, mm.
        self.dx, self.dy = (at - _column(centre) for at, centre in zip((place.x, place.y), place.pupil.T))
        o = place.axis[:, :, None, None, None]
        depth = -(self.dx * o[:, 0] + self.dy * o[:, 1]) / o[:, 2]
        self.rho = (self.dx * self.dx + self.dy * self.dy + depth * depth).sqrt()
        self.pores = self._pores()
        beyond = 4.0 * (place.t.abs() - 0.97).clamp_min(0)         # where the lids have met there is no opening
        self.open = torch.minimum(place.from_upper, place.from_lower) - beyond

    def _pores(self):
        """Fine texture, Gaussian noise (N, 1, H, W): for each eye another cut of one sheet of noise."""
        height, width = self.place.size
        sheet, start = PORES.to(self.rho.device), (1e4 * self.eyes.texture[:, 1, 0, :2].abs()).long()
        row = (start[:, :1] + torch.arange(height, device=sheet.device)) % len(sheet)             # (N, H)
        column = (start[:, 1:] + torch.arange(width, device=sheet.device)) % len(sheet)           # (N, W)
        return sheet[row[:, :, None], column[:, None]][:, None]

    def edge(self, distance, softness=None):
        """1 where distance > 0, 0 where it is < 0, over one pixel (or `softness` mm) in between."""
        return (distance / (self.pixel if softness is None else softness) + 0.5).clamp(0, 1)

    def labels(self):
        """`render`'s labels; the part is the one that the pixel's centre shows."""
        e, place, opened = self.eyes, self.place, self.open > 0
        part = opened.to(torch.uint8)
        part[opened & (self.rho < _column(e["iris_radius"]))] = 2
        part[opened & (self.rho < _column(e["pupil_radius"]))] = 3
        part[opened & (self.glint_distance() > 0) & (_column(e["glint"]) >= 0.15)] = 4
        return {"gaze": place.gaze, "pupil": place.to_pixels(place.pupil), "iris": place.iris_ellipse(), "parts": part[:, 0]}

    def glint_distance(self):
        """mm inside the reflection's edge: the light's mirror image lies between pupil and light."""
        e = self.eyes
        return _column(e["glint_size"]) - torch.hypot(self.dx - _column(1.6 * e["light_x"]), self.dy - _column(1.6 * e["light_y"]))

    def composed(self, colour):
        """Float (N, 1 or 3, H, W) in about [0, 1]."""
        self.mix = torch.eye(3) if colour else LUMINANCE[None]     # RGB -> the channels that we draw
        skin, eye = self.skin(), self.eyeball()
        image = skin + (eye - skin) * self.edge(self.open)
        return self.lash_line(image) * _column(self.eyes["exposure"])

    def tint(self, rgb):
        """Colours (N, 3), or a list of three  ->  (N, C, 1, 1) in the channels that we draw."""
        rgb = torch.as_tensor(rgb, device=self.rho.device)
        return (rgb @ self.mix.to(rgb.device).T).reshape(-1, len(self.mix), 1, 1)

    @staticmethod
    def _along(tones, value):
        """Colours (N, 3) at `value` in [0, 1] along a list of tones (K, 3)."""
        tones, at = tones.to(value.device), value * (len(tones) - 1)
        low = at.long().clamp(0, len(tones) - 2)
        return tones[low] + (tones[low + 1] - tones[low]) * (at - low)[:, None]

    def lit(self, slope_x, slope_y):
        """Ambient plus diffuse light on a surface with these slopes (of height towards the camera)."""
        e = self.eyes
        lx, ly = _column(e["light_x"]), _column(e["light_y"])
        facing = (1 - slope_x * lx - slope_y * ly) * torch.rsqrt((1 + slope_x**2 + slope_y**2) * (1 + lx**2 + ly**2))
        ambient = _column(e["ambient"])
        return ambient + (1 - ambient) * 1.35 * facing.clamp_min(0)

    # ---- skin ----
    def _height(self):
        """Height of the skin towards the camera, mm (N, 1, H, W): eyeball under the lids, folds, nose, brow."""
        e, p = self.eyes, self.place
        dx, dy = p.x - 0.6 * _column(p.centre[:, 0]), p.y - 0.6 * _column(p.centre[:, 1])
        ball = 7.0 * torch.exp(-(dx * dx / 190 + dy * dy / 75))
        arch = p.arch.clamp_min(0.02).sqrt()
        crease = _bell((p.from_upper + _column(e["crease"]) * (0.4 + 0.6 * arch)) / 0.8) * arch
        bag = _bell((p.from_lower + 3.4 * arch.clamp_min(0.3)) / 1.4) * arch
        nose = torch.exp(-(p.x + 19.0) / 5.5)
        socket = _bell((p.x + 12.0) / 7.0, (p.level + 7.0) / 5.0)
        brow = torch.sigmoid((-p.level - _column(e["brow"]) + 2.5) / 1.6)
        folds = -1.3 * _column(e["crease_depth"]) * crease - 0.8 * _column(e["bag"]) * bag
        cheek = torch.sigmoid((p.level - 8.5) / 2.0)
        bone = 2.5 * nose - 6.0 * _column(e["socket"]) * socket + 4.5 * brow + 3.0 * cheek
        bone = bone + 3.0 * _column(e["relief"]) * self.uneven
        return ball + folds + bone + 0.10 * _column(e["grain"]) * self.rough[:, :1], crease

    def skin(self):
        e, p = self.eyes, self.place
        height, crease = self._height()
        step_x, step_y = WINDOW[1] / p.size[1], WINDOW[0] / p.size[0]
        padded = F.pad(height, (1, 1, 1, 1), mode="replicate")
        slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / (2 * step_x)
        slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / (2 * step_y)
        # Slopes are softened: skin scatters light, and 0.7 keeps the steep rim of the lids from going black.
        light = self.lit(0.7 * slope_x, 0.7 * slope_y)
        light = light * (1 - 0.5 * _column(e["crease_depth"]) * crease)
        light = light * (1 + _column(e["grain"]) * (0.06 * self.rough[:, 1:] + 0.025 * self.pores))
        redder = 1 + e["skin_red"][:, None] * torch.tensor([0.05, -0.05, -0.06], device=p.x.device)
        tone = self._along(SKIN_TONES, e["skin"]) * redder
        inner = 0.6 * _bell((self.open + 0.55) / 0.6) * self.edge(1.0 - p.t.abs(), 0.15)  # wet lid margin
        # The eyebrow: hairs that lean towards the temple.
        hairs = 0.85 + 0.15 * torch.sin(1.7 * p.x + 1.1 * p.y + 2.0 * self.rough[:, :1])
        hair = torch.sigmoid(-p.level - _column(e["brow"]) + 0.5 * self.rough[:, 1:]) * _column(e["brow_dark"]) * hairs
        colour = self.tint(tone) * (1 - hair) * (1 - 0.25 * inner) + self.tint([0.18, 0.08, 0.07]) * inner
        rim = 0.6 * _bell((p.from_lower + 0.5) / 0.45) * self.edge(0.95 - p.t.abs(), 0.15)
        return (colour + (self.tint([0.78, 0.56, 0.52]) - colour) * rim) * light   # the lower lid's edge

    # ---- eyeball ----
    def eyeball(self):
        e, p = self.eyes, self.place
        sx, sy = (p.x - _column(p.centre[:, 0])) / 12.0, (p.y - _column(p.centre[:, 1])) / 12.0
        depth = (1 - sx * sx - sy * sy).clamp_min(0.15).sqrt()
        light = self.lit(-0.6 * sx / depth, -0.6 * sy / depth)
        # The upper lid and its lashes throw a shadow; the corners lie deep.
        shade = (0.45 + 0.55 * (p.from_upper / 2.8).clamp(0, 1)) * (0.72 + 0.28 * (p.from_lower / 1.5).clamp(0, 1))
        shade = shade * (1 - 0.8 * (p.t.abs() - 0.5).clamp_min(0))
        # Iris and pupil are discs with soft edges.
        iris = self.edge(_column(e["iris_radius"]) - self.rho, _column(e["limbus"]) + self.pixel)
        pupil = self.edge(_column(e["pupil_radius"]) - self.rho, 0.3 * self.pixel + self.pixel)
        surface = self._white()
        surface = (surface + (self._iris() - surface) * iris) * (1 - 0.93 * pupil)
        glint = self.edge(self.glint_distance(), self.pixel) * (_column(e["glint"]) - 0.1).clamp_min(0)
        tears = 0.16 * _bell((p.from_lower - 0.35) / 0.45)   # the bright wet edge along the lower lid
        return surface * light * shade + tears * light + 0.9 * glint

    def _white(self):
        e, p = self.eyes, self.place
        corner = ((p.t.abs() - 0.35).clamp_min(0) ** 1.5) * _column(e["veins"])
        caruncle = _bell((p.t + 0.93) / 0.11)
        base = e["sclera"][:, None] * torch.tensor([1.0, 0.97, 0.95], device=p.x.device)
        white = self.tint(base) * (1 + 0.04 * self.rough[:, :1])
        red = self.tint([0.62, 0.36, 0.32])
        white = white + (red - white) * (corner * (1 + 0.5 * self.rough[:, 1:])).clamp(0, 0.6)
        return white + (self.tint([0.60, 0.34, 0.30]) - white) * 0.8 * caruncle

    def _iris(self):
        e = self.eyes
        radius = self.rho / _column(e["iris_radius"])
        angle = torch.atan2(self.dy, self.dx)
        phase = e.texture[:, 0, 0, :4]
        fibres = sum(torch.sin((7 + 5 * k) * angle + 6 * _column(phase[:, k])) for k in range(3))
        pattern = 1 + 0.10 * _column(e["grain"]) * fibres + 0.35 * (1 - radius).clamp(0, 1)
        ring = 1 - 0.55 * ((radius - 0.78).clamp_min(0) / 0.22).clamp_max(1) ** 1.5
        return self.tint(self._along(IRIS_TONES, e["iris_tone"])) * pattern * ring

    def lash_line(self, image):
        """Upper lashes: a dark line along the lid's edge and hairs that reach beyond it on both sides."""
        e, p = self.eyes, self.place
        dark, length = _column(e["lashes"]), _column(e["lash_length"])
        inside = self.edge(1.02 - p.t.abs(), 0.12)
        line = _bell((p.from_upper - 0.1) / 0.75)
        lean = p.x + 0.5 * (p.from_upper - 1) * p.t + 0.5 * self.rough[:, :1]
        hairs = (0.5 + 0.5 * torch.sin(3.1 * lean)) * _bell((p.from_upper + 0.4 * length) / length)
        lower = 0.22 * _bell((p.from_lower + 0.5) / 0.6) * (0.8 + 0.2 * torch.sin(2.3 * lean))
        return image * (1 - inside * dark * (0.75 * line + 0.3 * hairs + lower).clamp_max(0.92))
