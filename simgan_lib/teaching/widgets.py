"""Interactive pictures.  Each has a plain figure as its static twin, shown beside it.

They run on ipywidgets 7.7 (Colab) and 8.  A control replaces an image and nothing else: no `interact`, no `Output`, which
leave their traces in saved notebooks and cannot be compared by tests.  Images and sentences are HTML widgets: the widget
`Image` knows no alternative text, and the widget `Label` cuts what is too long for a narrow page.
"""

import html
import io
import math

import ipywidgets
from IPython.display import display
from PIL import Image

from ..evaluation.turing import REAL, SYNTHETIC
from ..figures import DPI, eye_figure, html_image, picture, to_png
from ..simulators.eyes import render
from ..simulators.parameters import EYE, default_parameters
from ..system.errors import UserError

VIEW = "application/vnd.jupyter.widget-view+json"
AS_IT_IS = {"align_self": "flex-start", "max_width": "100%"}   # else a box stretches an image to its own width
BESIDE = {"flex_flow": "row wrap"}                             # one below the other where the page is narrow
EYE_THEMES = {
    "gaze, head": ("pitch", "yaw", "head_pitch", "head_yaw", "kappa", "kappa_up"),
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
    display({VIEW: view, "text/plain": alternative}, metadata=_metadata(widget), raw=True)


def _metadata(widget):
    """What a widget of our own, by anywidget, tells Colab: where the code is that shows it.  Nothing for ipywidgets' own."""
    found = widget._repr_mimebundle_() if hasattr(widget, "_repr_mimebundle_") else None          # ipywidgets 7 has none
    return found[1] if isinstance(found, tuple) else {}


def pictured(controls, seen, arranged=None):
    """Controls and an image: whenever one moves, `seen()` is asked for (the `figures.picture`, the label's text).

    controls: ipywidgets with a `value`, in a row above the image.  arranged: a widget that holds them, beside the image.
    Returns a widget with the parts `controls`, `image` and `label`.
    """
    image, label = ipywidgets.HTML(layout=AS_IT_IS), ipywidgets.HTML()

    def update(_=None):
        image.value, said = seen()
        label.value = html.escape(said, quote=False)

    for control in controls:
        control.observe(update, names="value")
    update()
    if arranged is None:
        box = ipywidgets.VBox([ipywidgets.HBox([*controls, label], layout=BESIDE), image])
    else:
        arranged.layout = {"flex": "1 1 30em", "min_width": "0"}
        box = ipywidgets.HBox([ipywidgets.VBox([image, label], layout={"flex": "0 1 380px"}), arranged], layout=BESIDE)
    box.controls, box.image, box.label = controls, image, label
    return box


def scrubber(frames, labels, what="step", dpi=DPI):
    """A slider that leafs through figures.  frames: as figure functions return them.  labels: one short text for each.

    what: the slider's name.  Returns a widget for `show_widget`, with the parts of `pictured` and `frames`, PNG files.
    Raises ValueError if there are no frames, or not as many labels.
    """
    frames, labels = list(frames), [str(label) for label in labels]
    if not frames or len(frames) != len(labels):
        raise ValueError(f"expected as many labels as frames, and at least one, found {len(labels)} for {len(frames)}")
    files = [to_png(figure, dpi) for figure, _ in frames]
    shown = [html_image(file, f"{label}: {says}") for file, label, (_, says) in zip(files, labels, frames)]
    slider = ipywidgets.IntSlider(0, 0, len(frames) - 1, description=what, readout=False, layout={"width": "24em"})
    box = pictured([slider], lambda: (shown[slider.value], labels[slider.value]))
    box.frames = files
    return box


def eye_sliders(prior=EYE, seed=0, size=(70, 110)):
    """Every parameter of the simulated eye on a slider, by theme, and the eye that they make.

    prior: {name: Range}, whose names are those of simulators.parameters.EYE; sliders go from low to high and start at the
    default.  seed: of the skin's texture.  size: height and width of the image, pixels, before it is enlarged.
    Returns a widget with the parts of `pictured`; its controls are the sliders in the prior's order, then the switches
    for labels and colour.  Taught in: notebook 01.
    """
    eye = default_parameters(1, seed, prior)
    sliders = {name: slider_of(name, range_) for name, range_ in prior.items()}
    labels, colour = ipywidgets.Checkbox(True, description="labels"), ipywidgets.Checkbox(False, description="colour")

    def seen():
        drawn = render(eye.with_values(**{name: slider.value for name, slider in sliders.items()}), size, colour.value)
        figure, sentence = eye_figure(drawn, labels.value, width=3.4)          # inches: the sliders stand beside it
        return picture(figure, sentence), sentence

    themes = ipywidgets.Tab([ipywidgets.VBox([explained(sliders[name], prior[name]) for name in names])
                             for names in EYE_THEMES.values()])
    for i, theme in enumerate(EYE_THEMES):
        themes.set_title(i, theme)
    switches = ipywidgets.HBox([labels, colour])
    return pictured([*sliders.values(), labels, colour], seen, ipywidgets.VBox([themes, switches]))


def slider_of(name, range_):
    step = 10.0 ** math.floor(math.log10((range_.high - range_.low) / 20))       # browsers round to steps from the low end
    return ipywidgets.FloatSlider(range_.default, min=range_.low, max=range_.high, step=step, description=name,
                                  readout_format=".2f", style={"description_width": "7em"}, layout={"width": "22em"})


def explained(slider, range_):
    """A slider and what it does, in two lines if need be; below the slider where the page is narrow."""
    said = html.escape(range_.what + (f" ({range_.unit})" if range_.unit else ""))
    words = ipywidgets.HTML(f'<div style="line-height: 1.1">{said}</div>', layout={"flex": "1 1 12em"})
    return ipywidgets.HBox([slider, words], layout=BESIDE | {"align_items": "center"})


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
        self.image, self.said = ipywidgets.HTML(layout=AS_IT_IS), ipywidgets.HTML()
        self.bar = ipywidgets.IntProgress(session.place, 0, len(session.trials), description="judged")
        self.keys = ipywidgets.Text(placeholder="click here, then type r or s", description="keys")
        self.buttons = {name: ipywidgets.Button(description=name) for name in ("real (r)", "synthetic (s)", "undo", "result")}
        self.real, self.synthetic, self.undo, self.finish = self.buttons.values()
        self.real.on_click(lambda _: self._press(session.answers + REAL))
        self.synthetic.on_click(lambda _: self._press(session.answers + SYNTHETIC))
        self.undo.on_click(lambda _: self._press(session.answers[:-1]))
        self.finish.on_click(lambda _: self._end())
        self.keys.observe(lambda change: self._enter(self.earlier + change["new"]), names="value")
        row = ipywidgets.HBox(list(self.buttons.values()), layout=BESIDE)
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
            self.said.value = html.escape(str(error), quote=False)
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
            self.image.value = html_image(enlarged(self.session.trials.images[place], self.scale), f"crop {place + 1} of {n}")

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
