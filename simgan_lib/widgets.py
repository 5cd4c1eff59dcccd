"""Interactive pictures.  Each has a plain figure as its static twin, shown beside it.

They run on ipywidgets 7.7 (Colab) and 8.  A control replaces the bytes of an image and nothing else: no `interact`, no
`Output`, which leave their traces in saved notebooks and cannot be compared by tests.
"""

import ipywidgets
from IPython.display import display

VIEW = "application/vnd.jupyter.widget-view+json"
EVERY = 0.1               # seconds between two updates of a progress bar


def show_widget(widget, alternative):
    """Show a widget; where widgets do not run (a saved page, a test) the sentence stands in its place."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({VIEW: view, "text/plain": alternative}, raw=True)


def pictured(controls, picture):
    """Controls above an image: whenever one moves, `picture()` is asked for (the image's PNG bytes, the label's text).

    controls: ipywidgets with a `value`.  Returns a widget with the parts `controls`, `image` and `label`.
    """
    image, label = ipywidgets.Image(format="png"), ipywidgets.Label()

    def update(_=None):
        image.value, label.value = picture()

    for control in controls:
        control.observe(update, names="value")
    update()
    box = ipywidgets.VBox([ipywidgets.HBox([*controls, label]), image])
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
    slider = ipywidgets.IntSlider(0, 0, len(frames) - 1, description=what, readout=False,
                                  layout=ipywidgets.Layout(width="24em"))
    return pictured([slider], lambda: (frames[slider.value], labels[slider.value]))


class Progress:
    """A progress bar with the time left.  `widget` is what to show."""

    def __init__(self, what, total):
        self.total, self.last = total, 0.0
        self.bar = ipywidgets.IntProgress(0, 0, max(total, 1), description=what)
        self.bar.style.description_width = "initial"
        self.label = ipywidgets.Label()
        self.widget = ipywidgets.HBox([self.bar, self.label])

    def update(self, done, seconds):
        """done: steps finished.  seconds: since the start."""
        if seconds - self.last < EVERY and done < self.total:
            return  # a message to the browser costs more than a small step
        self.last = seconds
        left = seconds / done * (self.total - done)
        self.bar.value = done
        self.label.value = f"{done} of {self.total}, {left:.0f} s left" if done < self.total else f"{seconds:.0f} s"
