"""Interactive pictures.  Each has a plain figure as its static twin, shown beside it.

They run on ipywidgets 7.7 (Colab) and 8.  A control replaces the bytes of an image and nothing else: no `interact`, no
`Output`, which leave their traces in saved notebooks and cannot be compared by tests.
"""

import io
import math

import ipywidgets
from IPython.display import display
from PIL import Image

from ..evaluation.turing import REAL, SYNTHETIC
from ..figures import eye_figure, to_png
from ..simulators.eyes import render
from ..simulators.parameters import EYE, default_parameters
from ..system.errors import UserError

VIEW = "application/vnd.jupyter.widget-view+json"
AS_IT_IS = {"align_self": "flex-start", "max_width": "100%"}   # else a box stretches an image to its own width
EYE_THEMES = {
    "gaze and head": ("pitch", "yaw", "head_pitch", "head_yaw", "kappa", "kappa_up"),
    "crop": ("shift_x", "shift_y", "zoom", "roll"),
    "eyeball": ("eye_x", "eye_y", "iris_radius", "pupil_radius", "limbus", "iris_tone", "sclera", "veins"),
    "lids": ("half_width", "upper_lid", "lower_lid", "lid_peak", "lid_shape", "tilt", "crease", "crease_depth", "bag",
             "lashes", "lash_length"),
    "face": ("socket", "relief", "brow", "brow_dark", "skin", "skin_red", "grain"),
    "light": ("light_x", "light_y", "ambient", "exposure", "glint", "glint_size"),
}


def show_widget(widget, alternative):
    """Show a widget; where widgets do not run (a saved page, a test) the sentence stands in its place."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({VIEW: view, "text/plain": alternative}, raw=True)


def pictured(controls, picture, arranged=None):
    """Controls above an image: whenever one moves, `picture()` is asked for (the image's PNG bytes, the label's text).

    controls: ipywidgets with a `value`.  arranged: the widget that holds them; in a row if there is none.
    Returns a widget with the parts `controls`, `image` and `label`.
    """
    image, label = ipywidgets.Image(format="png", layout=AS_IT_IS), ipywidgets.Label()

    def update(_=None):
        image.value, label.value = picture()

    for control in controls:
        control.observe(update, names="value")
    update()
    rows = [ipywidgets.HBox([*controls, label])] if arranged is None else [arranged, label]
    box = ipywidgets.VBox([*rows, image])
    box.controls, box.image, box.label = controls, image, label
    return box


def scrubber(frames, labels, what="step"):
    """A slider that leafs through pictures.  frames: PNG files as bytes.  labels: one short text for each.

    what: the slider's name.  Returns a widget for `show_widget`, with the parts of `pictured`.
    Raises ValueError if there are no frames, or not as many labels.
    """
    frames, labels = list(frames), [str(label) for label in labels]
    if not frames or len(frames) != len(labels):
        raise ValueError(f"expected as many labels as frames, and at least one, found {len(labels)} for {len(frames)}")
    slider = ipywidgets.IntSlider(0, 0, len(frames) - 1, description=what, readout=False, layout={"width": "24em"})
    return pictured([slider], lambda: (frames[slider.value], labels[slider.value]))


def eye_sliders(prior=EYE, seed=0, size=(70, 110)):
    """Every parameter of the simulated eye on a slider, by theme, and the eye that they make.

    prior: {name: Range}, whose names are those of simulators.parameters.EYE; sliders go from low to high and start at the
    default.  seed: of the skin's texture.  size: height and width of the image, pixels, before it is enlarged.
    Returns a widget with the parts of `pictured`; its controls are the sliders in the prior's order, then the switches
    for labels and colour.  Taught in: notebook 01.
    """
    eye = default_parameters(1, seed, prior)
    sliders = {name: _slider(name, range_) for name, range_ in prior.items()}
    labels, colour = ipywidgets.Checkbox(True, description="labels"), ipywidgets.Checkbox(False, description="colour")

    def picture():
        drawn = render(eye.with_values(**{name: slider.value for name, slider in sliders.items()}), size, colour.value)
        figure, sentence = eye_figure(drawn, labels.value)
        return to_png(figure), sentence

    said = {name: ipywidgets.Label(range_.what + (f" ({range_.unit})" if range_.unit else "")) for name, range_ in prior.items()}
    themes = ipywidgets.Tab([ipywidgets.VBox([ipywidgets.HBox([sliders[name], said[name]]) for name in names])
                             for names in EYE_THEMES.values()])
    for i, theme in enumerate(EYE_THEMES):
        themes.set_title(i, theme)
    switches = ipywidgets.HBox([labels, colour])
    return pictured([*sliders.values(), labels, colour], picture, ipywidgets.VBox([themes, switches]))


def _slider(name, range_):
    step = 10.0 ** math.floor(math.log10((range_.high - range_.low) / 20))       # browsers round to steps from the low end
    return ipywidgets.FloatSlider(range_.default, min=range_.low, max=range_.high, step=step, description=name,
                                  readout_format=".2f", style={"description_width": "7em"}, layout={"width": "26em"})


# ---- The visual Turing test ------------------------------------------------------------------------------------------

class Labeller:
    """A person judges the images of an `evaluation.turing.Session`, by buttons or by keys.  `widget` is what to show.

    Keys: click into the field once, then type r for real, s for synthetic; backspace takes the last answer back.  The
    field holds the answers of this sitting and is not rewritten while one types at its end, so no key is lost, however
    slow the connection.  It begins empty; `undo` reaches the answers of earlier sittings, too.  Any change but at the end
    would shift answers from image to image: it does not count, a sentence says so, and the field is put right.
    Nothing is said of right and wrong before the end, and nothing can be changed after that.
    Taught in: notebook 10.
    """

    def __init__(self, session, scale=8):
        self.session, self.scale, self.earlier = session, scale, session.answers
        self.image, self.said = ipywidgets.Image(format="png", layout=AS_IT_IS), ipywidgets.Label()
        self.bar = ipywidgets.IntProgress(session.place, 0, len(session.trials), description="judged")
        self.keys = ipywidgets.Text(placeholder="click here, then type r or s", description="keys")
        self.buttons = {name: ipywidgets.Button(description=name) for name in ("real (r)", "synthetic (s)", "undo", "result")}
        self.real, self.synthetic, self.undo, self.finish = self.buttons.values()
        self.real.on_click(lambda _: self._press(session.answers + REAL))
        self.synthetic.on_click(lambda _: self._press(session.answers + SYNTHETIC))
        self.undo.on_click(lambda _: self._press(session.answers[:-1]))
        self.finish.on_click(lambda _: self._end())
        self.keys.observe(lambda change: self._enter(self.earlier + change["new"]), names="value")
        row = ipywidgets.HBox(list(self.buttons.values()))
        self.widget = ipywidgets.VBox([self.image, row, self.keys, self.bar, self.said])
        self._show()

    def _press(self, answers):
        self._enter(answers)
        self._put_right()

    def _enter(self, answers):
        try:
            self.session.enter(answers)
        except UserError as error:                      # a change that is not at the end, a full disk: it does not count
            self._put_right()
            self.said.value = str(error)
        else:
            self._show()

    def _put_right(self):
        """The field: what is kept of this sitting."""
        self.earlier = self.earlier[:self.session.place]
        self.keys.value = self.session.answers[len(self.earlier):]

    def _show(self):
        place, n, done = self.session.place, len(self.session.trials), self.session.done
        self.real.disabled = self.synthetic.disabled = done
        self.undo.disabled, self.finish.disabled = place == 0, not done
        self.bar.value, self.image.layout.visibility = place, "hidden" if done else "visible"
        self.said.value = f"{place} of {n}" + (": all judged; undo, or see the result" if done else "")
        if not done:
            self.image.value = enlarged(self.session.trials.images[place], self.scale)

    def _end(self):
        for control in (self.keys, *self.buttons.values()):
            control.disabled = True
        found = self.session.result()
        self.said.value = (f"{found['right']} of {found['n']} right: {100 * found['share']:.0f} %; with 95 % certainty at least "
                           f"{100 * found['low']:.0f} %; by guessing p = {found['p']:.2g}")


def enlarged(image, scale):
    """One image, uint8 (1 or 3, H, W), as the bytes of a PNG file `scale` times as large, smooth (bicubic)."""
    pixels = Image.fromarray(image.permute(1, 2, 0).squeeze(-1).numpy())
    content = io.BytesIO()
    pixels.resize((scale * image.shape[2], scale * image.shape[1]), Image.Resampling.BICUBIC).save(content, format="png")
    return content.getvalue()
