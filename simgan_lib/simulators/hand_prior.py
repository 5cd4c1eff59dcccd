"""Which hands there are: every parameter of the hand simulator with its limits, and how poses and shapes are drawn.

No pose was taken from NYU's test frames; depth spans what theirs does.  Sources: see `hand_model`.  Limits of joints: its [1]
(MCP 0 to 90 degrees, PIP 0 to 110, abduction 15 to either side, the last joint two thirds of PIP); the thumb's opposition and last
joint: the Shadow hand's model.
Scale 0.8 to 1.2, states of fingers, and a spread that fans the fingers out: [2], which draws every rotation, where this hand is
held up before the camera.  All other ranges, the states' angles and the blending are ours.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from ..system.device import check_memory
from ..system.errors import UserError
from ..system.settings import COUNT, Number, Settings, short
from .depth_camera import check_generator
from .hand_model import BONES, CHAINS, FINGERS, PALM, SPHERES, spheres
from .parameters import Parameters, Range, between

PLACE = {
    "turn": Range(-90, 0, 90, "deg", "about the hand's axis: the palm to the camera (0), the thumb's side (90), the back (180)"),
    "tilt": Range(-45, 0, 45, "deg", "fingers to the camera (+) or away from it (-)"),
    "roll": Range(-50, 0, 50, "deg", "in the picture, clockwise"),
    "depth": Range(650, 850, 1100, "mm", "how far away the palm's centre is"),
    "u": Range(220, 320, 420, "px", "column of the palm's centre in the camera's picture"),
    "v": Range(190, 240, 290, "px", "row of the palm's centre in the camera's picture"),
}
WRIST = {
    "wrist_flexion": Range(-40, 0, 50, "deg", "the hand bends to the palm's side (+) or the back's (-)"),
    "wrist_deviation": Range(-15, 0, 25, "deg", "the hand leans to the little finger's side (+) or the thumb's (-)"),
}
BENDS = {
    **{f"{f}_mcp": Range(0, 10, 90, "deg", f"bend of the {f} finger at the knuckle") for f in FINGERS},
    **{f"{f}_pip": Range(0, 15, 110, "deg", f"bend of the {f} finger in its middle; the last joint follows") for f in FINGERS},
    "thumb_abduction": Range(0, 35, 60, "deg", "the thumb to the side"),
    "thumb_opposition": Range(0, 15, 70, "deg", "the thumb before the palm"),
    "thumb_mcp": Range(0, 10, 60, "deg", "bend of the thumb in its middle"),
    "thumb_ip": Range(-15, 10, 90, "deg", "bend of the thumb's last joint"),
}
ASIDE = {f"{f}_abduction": Range(-15, 0, 15, "deg", f"the {f} finger to the thumb's side (+) or away from it (-)") for f in FINGERS}
SHAPE = {
    "scale": Range(0.8, 1.0, 1.2, "", "size; 1 is the person of NYU's training pictures"),
    "thickness": Range(0.9, 1.1, 1.3, "", "thickness of all flesh"),
    "palm_width": Range(0.9, 1.0, 1.1, "", "width of the palm"),
    **{f"{f}_length": Range(0.93, 1.0, 1.07, "", f"length of the {f} finger") for f in BONES},
    **{f"{f}_width": Range(0.9, 1.0, 1.1, "", f"thickness of the {f} finger") for f in BONES},
}
HAND = {**PLACE, **WRIST, **BENDS, **ASIDE, **SHAPE}
# What a parameter of a unit may be at all, in a prior or in a hand that is posed by its numbers.
POSSIBLE = {"deg": Number(-360, 360), "mm": Number(1, 10_000), "px": Number(-10_000, 10_000), "": Number(0.1, 10)}

# What fingers do: (MCP, PIP) of a finger; abduction, opposition, MCP, IP of a thumb; degrees.
STATES = {
    "closed": ((80, 100), (25, 45, 35, 45)),
    "pinch": ((50, 45), (14, 32, 22, 22)),
    "half-open": ((30, 50), (30, 30, 20, 20)),
    "open": ((8, 18), (45, 12, 5, 10)),
    "straight": ((0, 2), (10, 5, 5, 0)),
}
SPREAD = {"index": 1.55, "middle": 0.75, "ring": -0.75, "little": -2.2}     # abduction for one degree of spread: sphereHand
BYTES = 4 * (len(HAND) + 4 * len(SPHERES))       # that a hand takes at least: parameters, centres and radii of its spheres
ROUNDS = 50               # of drawing again; the prior below needs some five for 100,000 hands
TOUCH = 0.75              # flesh gives way: two parts collide when they are nearer than this share of their radii


@dataclass(frozen=True)
class HandPrior(Settings):
    """How hands are drawn.

    ranges  {name: Range}: limits of all parameters; those that no state, spread or wandering sets are uniform within.
    states  {name: ((MCP, PIP), (abduction, opposition, MCP, IP))}, degrees: fingers are blends of two.
    alike   probability that a finger does what the hand does, not something of its own.
    spread  degrees: the fingers fan out by up to this, times SPREAD; together by up to a third of it.
    wander  degrees: standard deviation of each joint about its blend.

    Raises UserError for what is none of these.
    """

    ranges: dict = field(default_factory=lambda: HAND)
    states: dict = field(default_factory=lambda: STATES)
    alike: Number(0, 1) = 0.6
    spread: Number(0, 15) = 6.0
    wander: Number(0, 30) = 4.0

    def __post_init__(self):
        super().__post_init__()
        if self.ranges.keys() != HAND.keys():
            raise UserError(f"ranges: expected the parameters of HAND, found too many or too few: "
                            f"{', '.join(sorted(self.ranges.keys() ^ HAND.keys()))}")
        for name, each in self.ranges.items():
            possible = POSSIBLE[HAND[name].unit]
            if not (isinstance(each, Range) and possible.holds(each.low) and possible.holds(each.high) and each.low <= each.high):
                raise UserError(f"ranges: {name}: expected a Range from low to high, {possible} each, found {short(each)}")
        if not self.states or any(not isinstance(state, tuple) or [np.size(bends) for bends in state] != [2, 4]
                                  or not all(POSSIBLE["deg"].holds(bend) for bends in state for bend in np.ravel(bends))
                                  for state in self.states.values()):
            raise UserError(f"states: expected {{name: ((MCP, PIP), (abduction, opposition, MCP, IP))}}, found "
                            f"{short(self.states)}")


PRIOR = HandPrior()


@dataclass(frozen=True)
class Hands(Parameters):
    """N hands: `values` maps each name of the prior's ranges to (N,)."""

    kind = "hand"


def check_hands(hands):
    """UserError unless there are hands, and all parameters are numbers that a hand can have."""
    COUNT.check("number of hands", len(hands))
    lowest, highest = torch.stack([hands[name] for name in HAND]).aminmax(dim=1)           # NaN if one is NaN
    for name, *ends in zip(HAND, lowest.tolist(), highest.tolist()):
        for end in ends:
            POSSIBLE[HAND[name].unit].check(name, end)


def default_hands(n=1, ranges=HAND):
    """n times the hand that the sliders start from.  Raises UserError for less than one."""
    COUNT.check("number of hands", n)
    return Hands({name: torch.full((n,), float(r.default)) for name, r in ranges.items()})


def draw_hands(n, generator, prior=PRIOR):
    """n hands drawn from the prior, on the generator's device; hands whose fingers go through flesh are drawn again.

    Raises UserError for less than one, or more than fit into memory, for what is no generator, and for a prior that gives hardly
    any possible hand.
    """
    COUNT.check("number of hands", n)
    check_generator(generator)
    check_memory(n * BYTES, generator.device, f"simulating {n:,} hands")
    hands, wrong = _drawn(n, generator, prior), torch.arange(n, device=generator.device)
    for _ in range(ROUNDS):
        wrong = wrong[collides(hands.chunk(wrong))]
        if not len(wrong):
            return hands
        again = _drawn(len(wrong), generator, prior)
        hands = Hands({name: values.index_copy(0, wrong, again[name]) for name, values in hands.values.items()})
    raise UserError(f"prior: expected possible hands, found {len(wrong)} of {n} with fingers through flesh, drawn {ROUNDS} times")


def _drawn(n, generator, prior):
    values = between(prior.ranges, torch.rand(len(prior.ranges), n, generator=generator, device=generator.device))
    fingers, thumb = _blended(n, generator, prior)
    bends = dict(zip(BENDS, [*fingers.unbind(-1), *thumb.unbind(-1)]))
    spread = prior.spread * (4 / 3 * torch.rand(n, generator=generator, device=generator.device) - 1 / 3)
    for finger, gain in SPREAD.items():
        wander = 0.5 * prior.wander * torch.randn(n, generator=generator, device=generator.device)
        bent = bends[f"{finger}_mcp"] / 90                      # a finger that is bent at the knuckle cannot be spread
        bends[f"{finger}_abduction"] = (gain * spread + wander) * (1 - bent).clamp_min(0)
    return Hands({**values, **{name: bend.clamp(prior.ranges[name].low, prior.ranges[name].high) for name, bend in bends.items()}})


def _blended(n, generator, prior):
    """Bends in the order of BENDS, degrees: MCP of four fingers and PIP of four (N, 8), the thumb's (N, 4)."""
    device = generator.device
    of_fingers, of_thumbs = (torch.tensor([state[i] for state in prior.states.values()], device=device).float() for i in (0, 1))
    state = torch.randint(len(of_fingers), (2, n, 6), generator=generator, device=device)      # the hand's, and each finger's own
    share, own = (torch.rand(n, 6, generator=generator, device=device) for _ in range(2))
    does = (own[:, 1:] >= prior.alike) * torch.arange(1, 6, device=device)                     # (N, 5)
    first, second = (each.gather(1, does) for each in state)
    share = torch.sin(torch.pi / 2 * share.gather(1, does)[..., None]) ** 2                    # rather near a state than between
    fingers = torch.lerp(of_fingers[first[:, :4]], of_fingers[second[:, :4]], share[:, :4]).mT.flatten(1)
    thumb = torch.lerp(of_thumbs[first[:, 4]], of_thumbs[second[:, 4]], share[:, 4])
    wander = prior.wander * torch.randn(n, 12, generator=generator, device=device)
    return fingers + wander[:, :8], thumb + wander[:, 8:]


# ---- what is impossible ----
def collides(hands):
    """Which hands have a finger that goes through another one or through the palm: bool (N,)."""
    return torch.cat([_collides(hands.chunk(slice(i, i + 4096))) for i in range(0, len(hands), 4096)])


def _collides(hands):
    centres, radii = spheres(hands)
    balls = torch.cat([centres, radii[..., None]], -1)
    chains, palm = balls[:, :len(CHAINS)].unflatten(1, (len(BONES), -1)), balls[:, len(CHAINS):len(CHAINS) + len(PALM)]
    flesh = torch.cat([chains[:, :, :-1].lerp(chains[:, :, 1:], 0.55), chains[:, :, 1:]], 2)    # (N, 5, 6, 4)
    finger = torch.arange(len(BONES), device=radii.device).repeat_interleave(6)
    another = _near(flesh.flatten(1, 2), flesh.flatten(1, 2)) & (finger[:, None] != finger)
    ends = flesh[:, :, [2, 4, 5]].flatten(1, 2)                    # of the last bones, which can reach the palm
    i, j = torch.triu_indices(len(PALM), len(PALM), device=radii.device)     # each of its spheres, and half way to each other
    return another.flatten(1).any(1) | _near(ends, (palm[:, i] + palm[:, j]) / 2).flatten(1).any(1)


def _near(one, other):
    """Which spheres (N, I, 4) of one sink into which of the other (N, J, 4): bool (N, I, J)."""
    room = TOUCH * (one[:, :, None, 3] + other[:, None, :, 3])
    return torch.cdist(one[..., :3], other[..., :3], compute_mode="donot_use_mm_for_euclid_dist") < room
