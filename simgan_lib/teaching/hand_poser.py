"""A hand that sliders pose: its exact depth, and what a depth camera says of it.

Taught in: notebook 14.
"""

import ipywidgets
import torch

from ..figures import hands_figure, picture
from ..hands import JOINT_NAMES
from ..simulators.hand_model import FINGERS
from ..simulators.hand_prior import HAND, SPREAD, STATES, default_hands
from ..simulators.hands import render_hands
from ..simulators.parameters import Range
from ..simulators.stand_in_hands import photographed
from ..system.errors import UserError
from ..system.settings import SEED, Number
from .widgets import explained, pictured, slider_of

# What the sliders set: the hand's attitude, how far each finger is closed, how far they fan out.
POSE = {
    **{name: HAND[name] for name in ("turn", "tilt", "roll")},
    **{finger: Range(0, 10, 100, "%", f"the {finger}, from straight (0) to closed (100)") for finger in ("thumb", *FINGERS[::-1])},
    "spread": Range(-2, 3, 9, "deg", "the fingers fan out; those that are bent do not"),
}


def posed(**values):
    """One hand (`Hands`) in the pose that values of POSE name, all others at their defaults: posed(turn=40, index=80).

    Fingers are blends of the prior's states straight and closed.  Raises UserError for a name that POSE does not have, and a value
    that its slider does not reach.
    """
    if unknown := sorted(set(values) - set(POSE)):
        raise UserError(f"pose: expected {', '.join(POSE)}, found {', '.join(unknown)}")
    for name, value in values.items():
        Number(POSE[name].low, POSE[name].high).check(name, value)
    values = {name: range_.default for name, range_ in POSE.items()} | values
    straight, closed = (torch.tensor([*STATES[state][0], *STATES[state][1]]).float() for state in ("straight", "closed"))
    bends = {name: torch.lerp(straight, closed, values[name] / 100).tolist() for name in ("thumb", *FINGERS)}
    parameters = {name: values[name] for name in ("turn", "tilt", "roll")}
    parameters |= dict(zip(("thumb_abduction", "thumb_opposition", "thumb_mcp", "thumb_ip"), bends["thumb"][2:]))
    for finger in FINGERS:
        parameters |= {f"{finger}_mcp": bends[finger][0], f"{finger}_pip": bends[finger][1],
                       f"{finger}_abduction": SPREAD[finger] * values["spread"] * (1 - values[finger] / 100)}
    return default_hands().with_values(**parameters)


def seen(hand, joints=True, seed=0, size=(96, 96)):
    """A hand's exact depth, and below it what the camera says of it before a body and a wall: (figure, sentence).

    hand: one of `Hands`.  joints: draw them.  seed: of what is behind the hand, and of the camera's errors.  size: (rows,
    columns) of the images.  Raises UserError for more than one hand, for what is no seed, or as `render_hands`.
    """
    SEED.check("seed", seed)
    if len(hand) != 1:
        raise UserError(f"expected one hand, found {len(hand)}")
    exact, camera = render_hands(hand, size), photographed(hand, torch.Generator(hand.device).manual_seed(seed), size)
    hidden = [name for name, visible in zip(JOINT_NAMES, exact.labels["visible"][0].tolist()) if not visible]
    rows = {"exact\ndepth": exact.images, "what the\ncamera\nsays": camera.images}
    figure, sentence = hands_figure(rows, 1, dict.fromkeys(rows, exact.labels["joints"]) if joints else None, width=3.4)
    return figure, f"{sentence} Hidden joints: {', '.join(hidden) or 'none'}."


def hand_sliders(seed=0, size=(96, 96)):
    """Sliders of POSE, and the hand that they make, as `seen` shows it.

    Returns a widget with the parts of `widgets.pictured`; its controls are the sliders in POSE's order, then the switch for
    joints.  seed, size: as in `seen`.  Taught in: notebook 14.
    """
    sliders = {name: slider_of(name, range_) for name, range_ in POSE.items()}
    joints = ipywidgets.Checkbox(False, description="joints")

    def shown():
        figure, sentence = seen(posed(**{name: slider.value for name, slider in sliders.items()}), joints.value, seed, size)
        return picture(figure, sentence), sentence
    rows = [explained(slider, POSE[name]) for name, slider in sliders.items()]
    return pictured([*sliders.values(), joints], shown, ipywidgets.VBox([*rows, joints]))
