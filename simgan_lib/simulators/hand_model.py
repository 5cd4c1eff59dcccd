"""What a hand is made of: bones, joints and flesh, posed by named parameters.

In the hand's own axes x points to the thumb, y to the wrist and z out of the back of the hand; its origin is the centre of
the palm.  Unturned, it shows the camera its palm, the fingers up, the thumb on the image's right: a right hand.
Lengths are mm, of a hand of scale 1: the person of NYU's training pictures.  Flesh hangs on spheres (see ray_casting).
Sources:
[1] Hand.java of hmi neurophysics (public code), after anatomy: limits of joints.
[2] melonwan/sphereHand (MIT licence), of the CVPR 2019 paper: which poses there are, how sizes vary.
[3] NYU's own 36 joints of the test frames 1 to 2,440, the training person's (joint_data.mat; doi 10.1145/2629500): bones.
    They come from one rigid model, so distances within a bone have no spread.
[4] OpenGP/hmodel (Tkach et al. 2016): radii, read from its calibrated hands, no code or file taken.
For comparison, not used: lengths of fingers in Chatzioglou et al. 2024, doi 10.5115/acb.23.310; joints in Buchholz et al. 1992,
doi 10.1080/00140139208967812.
"""

import math

import torch
import torch.nn.functional as F

from ..hands import unprojected

FINGERS = ("little", "ring", "middle", "index")
# Proximal, middle and distal bone, between the points that NYU's rigid skeleton has by the joints [3]:
# MCP to PIP, PIP to DIP, DIP to tip.  Of the thumb: CMC to MCP, MCP to IP, IP to tip.
BONES = {"little": (32.0, 30.4, 12.9), "ring": (38.6, 34.1, 16.7), "middle": (52.5, 38.2, 19.1),
         "index": (55.1, 36.7, 14.5), "thumb": (61.9, 49.1, 24.6)}
# Where the fingers begin: in one plane, as far from the palm's centre and from each other as in that skeleton; the thumb's
# place follows from its distances to the palm's centre and to both sides of the wrist.
KNUCKLES = {"little": (-47.2, -10.0, 0.0), "ring": (-23.3, -29.8, 0.0), "middle": (3.4, -30.3, 0.0),
            "index": (26.2, -22.4, 0.0), "thumb": (11.9, 55.5, -23.4)}
# Which way a finger points unspread, degrees to the thumb's side, and which way it bends: a fist's fingers meet.
FAN = {"little": -10.0, "ring": -4.0, "middle": 0.0, "index": 3.0}
MEET = {"little": 14.0, "ring": 7.0, "middle": 0.0, "index": -4.0}
DIP_OF_PIP = 2 / 3        # the last joint follows the middle one [1]
THUMB_REST = 12.0         # degrees from the hand's axis to the thumb that lies along the palm
ACROSS = (-1.0, 0.0, -0.35)                            # which way the thumb bends: to the little finger and a little to the front
# Radii at MCP, PIP, DIP and tip.  Those of [4], 4.2 to 5 at the tip and 7.8 at the base, the thumb's
# to 8.4, are of a smaller person; these were made thicker by looking at the one frame of NYU at hand, the first of its test
# set.  The thumb's first belongs to the ball of the thumb.
RADII = {"little": (10.0, 8.6, 7.7, 6.6), "ring": (10.8, 9.6, 8.6, 7.4), "middle": (11.2, 10.0, 9.0, 7.8),
         "index": (11.2, 10.0, 9.0, 7.7), "thumb": (14.5, 12.5, 10.8, 8.6)}
# Flesh of the palm: places and radii (palm of [4]: 7 to 15).
PALM = {"palm": (0.0, 0.0, 0.0, 13.0), "wrist ulnar": (-17.7, 79.4, 0.0, 15.0), "wrist radial": (17.7, 79.4, 0.0, 15.0),
        "heel": (-33.0, 46.0, -4.0, 17.0), "pad little": (-44.0, -6.0, -1.0, 13.0), "pad ring": (-21.5, -22.0, -1.0, 13.0),
        "pad middle": (3.0, -23.0, 0.0, 13.0), "pad index": (28.0, -14.0, 0.0, 13.0)}
# Skin between the fingers: radii.  It reaches so far along the fingers' proximal bones, and along the thumb's.
WEBS = {"web little": 6.0, "web ring": 6.5, "web middle": 6.5, "web index": 6.5, "web thumb": 9.0, "web palm": 8.0}
WEB, THUMB_WEB = 0.42, 0.85
ARM = {"arm ulnar": (-11.0, 0.0, 17.5), "arm radial": (11.0, 0.0, 17.5),              # across, along the forearm, radius
       "elbow ulnar": (-16.0, 220.0, 27.0), "elbow radial": (16.0, 220.0, 27.0)}
WRIST = 88.0              # the forearm turns about this point of the hand's axis

JOINTS = {**dict.fromkeys(FINGERS, ("mcp", "pip", "dip", "tip")), "thumb": ("cmc", "mcp", "ip", "tip")}
CHAINS = [f"{finger} {joint}" for finger in BONES for joint in JOINTS[finger]]
SPHERES = (*CHAINS, *PALM, *WEBS, *ARM)
PARTS = ("background", "forearm", "palm", *BONES)      # the values of the `parts` masks
EVALUATED = (*(f"{finger} {joint}" for finger in FINGERS for joint in ("tip", "pip")),
             "thumb tip", "thumb ip", "thumb mcp", "wrist ulnar", "wrist radial", "palm")      # NYU's 14, in its order


def _shapes():
    """{shape: part}: round cones of two spheres, faces of three, and the cones along the faces' edges."""
    bones = {(f"{f} {a}", f"{f} {b}"): f for f in BONES for a, b in zip(JOINTS[f], JOINTS[f][1:])}
    bones["thumb cmc", "thumb mcp"] = "palm"           # the ball of the thumb
    pads = [f"pad {finger}" for finger in FINGERS]
    palm = [(*pair, "palm") for pair in zip(pads, pads[1:])]
    palm += [("heel", "pad little", "palm"), ("heel", "wrist ulnar", "palm"), ("wrist ulnar", "wrist radial", "palm"),
             ("wrist radial", "pad index", "palm"), ("thumb cmc", "web palm", "web thumb"),
             ("thumb cmc", "pad index", "web palm"), ("thumb cmc", "wrist radial", "pad index"),
             ("thumb cmc", "palm", "pad index"), ("thumb cmc", "palm", "wrist ulnar"),
             ("thumb cmc", "wrist ulnar", "wrist radial")]
    for one, other in zip(FINGERS, FINGERS[1:]):
        palm += [(f"pad {one}", f"web {one}", f"web {other}"), (f"pad {one}", f"web {other}", f"pad {other}")]
    arm = [("arm ulnar", "arm radial", "elbow radial"), ("arm ulnar", "elbow radial", "elbow ulnar")]
    faces = {**dict.fromkeys(palm, "palm"), **dict.fromkeys(arm, "forearm")}
    edges = {tuple(sorted((a, b))): part for (a, b, c), part in faces.items() for a, b in ((a, b), (b, c), (c, a))}
    return {**bones, **edges, **faces}


SHAPES = tuple(tuple(SPHERES.index(name) for name in shape) for shape in _shapes())
PART_OF_SHAPE = tuple(PARTS.index(part) for part in _shapes().values())
EVALUATED_SPHERES = tuple(SPHERES.index(name) for name in EVALUATED)


def spheres(hands):
    """The hands' spheres, named by SPHERES, in camera coordinates: centres (N, S, 3) and radii (N, S), mm."""
    palm, arm = (torch.tensor(list(table.values()), device=hands.device) for table in (PALM, ARM))
    wide = F.pad(hands["palm_width"][:, None], (0, 2), value=1.0)                   # (N, 3): x is stretched
    flesh = palm[:, :3] * wide[:, None]
    fingers = [(_thumb if finger == "thumb" else _finger)(hands, finger, wide) for finger in BONES]
    centres = torch.cat([*fingers, flesh, _webs(fingers, flesh), _forearm(hands, arm)], 1) * hands["scale"][:, None, None]
    at = unprojected(torch.stack([hands["u"], hands["v"], hands["depth"]], -1))
    return centres @ _turned(hands).mT + at[:, None], _radii(hands)


def _radii(hands):
    widths = [torch.tensor(RADII[finger], device=hands.device) * hands[f"{finger}_width"][:, None] for finger in BONES]
    others = [*(flesh[-1] for flesh in PALM.values()), *WEBS.values(), *(flesh[-1] for flesh in ARM.values())]
    others = torch.tensor(others, device=hands.device).expand(len(hands), -1)
    return torch.cat([*widths, others], 1) * (hands["scale"] * hands["thickness"])[:, None]


def _radians(hands, name):
    return torch.deg2rad(hands[name])


def _chain(hands, finger, wide, straight, bent, angles):
    """Points (N, 4, 3) along the three bones of a finger, which bend from `straight` to `bent`, unit vectors (N, 3).

    angles: three of (N,), each joint's own bending, radians.
    """
    points, angle = [torch.tensor(KNUCKLES[finger], device=hands.device) * wide], 0
    for length, own in zip(BONES[finger], angles):
        angle = angle + own
        along = angle.cos()[:, None] * straight + angle.sin()[:, None] * bent
        points.append(points[-1] + (length * hands[f"{finger}_length"])[:, None] * along)
    return torch.stack(points, 1)


def _finger(hands, finger, wide):
    """Points (N, 4, 3) at MCP, PIP, DIP and tip."""
    aside, meet = _radians(hands, f"{finger}_abduction") + math.radians(FAN[finger]), math.radians(MEET[finger])
    zero, one = torch.zeros_like(aside), torch.ones_like(aside)
    straight = torch.stack([aside.sin(), -aside.cos(), zero], -1)
    bent = torch.stack([math.sin(meet) * aside.cos(), math.sin(meet) * aside.sin(), -math.cos(meet) * one], -1)
    mcp, pip = (_radians(hands, f"{finger}_{joint}") for joint in ("mcp", "pip"))
    return _chain(hands, finger, wide, straight, bent, (mcp, pip, DIP_OF_PIP * pip))


def _thumb(hands, finger, wide):
    """Points (N, 4, 3) at CMC, MCP, IP and tip: abduction lifts it off the palm's side, opposition brings it to the front.

    Its last two joints bend across the palm.
    """
    out, front = _radians(hands, "thumb_abduction") + math.radians(THUMB_REST), _radians(hands, "thumb_opposition")
    straight = torch.stack([front.cos() * out.sin(), -front.cos() * out.cos(), -front.sin()], -1)
    across = torch.tensor(ACROSS, device=hands.device)
    bent = F.normalize(across - (across * straight).sum(-1, keepdim=True) * straight, dim=-1)
    mcp, ip = _radians(hands, "thumb_mcp"), _radians(hands, "thumb_ip")
    return _chain(hands, finger, wide, straight, bent, (torch.zeros_like(mcp), mcp, ip))


def _webs(fingers, flesh):
    """Where the skin between the fingers ends: (N, 6, 3).  Between thumb and index finger it hangs through."""
    ends = [points[:, 0].lerp(points[:, 1], WEB) for points in fingers[:-1]]
    thumb, index = fingers[-1][:, 0].lerp(fingers[-1][:, 1], THUMB_WEB), flesh[:, list(PALM).index("pad index")]
    return torch.stack([*ends, thumb, ((thumb + index) / 2).lerp(fingers[-1][:, 0], 0.2)], 1)


def _forearm(hands, arm):
    """The forearm's four spheres (N, 4, 3): the hand bends and leans at the wrist, the arm is what moves in its axes."""
    bend, side = _radians(hands, "wrist_flexion"), _radians(hands, "wrist_deviation")
    along = torch.stack([bend.cos() * side.sin(), bend.cos() * side.cos(), -bend.sin()], -1)
    across = torch.stack([side.cos(), -side.sin(), torch.zeros_like(side)], -1)
    wrist = torch.tensor([0.0, WRIST, 0.0], device=bend.device)
    return wrist + arm[:, 0, None] * across[:, None] + arm[:, 1, None] * along[:, None]


def _turned(hands):
    """Rotations (N, 3, 3): turned about the hand's own axis, then tilted to or from the camera, then rolled in the picture."""
    turn, tilt, roll = (_radians(hands, name) for name in ("turn", "tilt", "roll"))
    one, zero = torch.ones_like(turn), torch.zeros_like(turn)

    def matrix(*rows):
        return torch.stack([torch.stack(row, -1) for row in rows], -2)
    about_y = matrix((turn.cos(), zero, turn.sin()), (zero, one, zero), (-turn.sin(), zero, turn.cos()))
    about_x = matrix((one, zero, zero), (zero, tilt.cos(), -tilt.sin()), (zero, tilt.sin(), tilt.cos()))
    about_z = matrix((roll.cos(), -roll.sin(), zero), (roll.sin(), roll.cos(), zero), (zero, zero, one))
    return about_z @ about_x @ about_y
