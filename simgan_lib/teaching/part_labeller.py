"""The parts of one eye, painted by hand: a widget with brush and polygon, for mouse, finger and keyboard.

`part_labeller.js` draws and paints in the browser.  What is kept, checked and written to a file is decided here.
Taught in: notebook 13.
"""

import io
from pathlib import Path

import torch
import traitlets
from PIL import Image

from ..figures import PART_COLOURS
from ..system.errors import UserError
from ..system.files import plain_file, reading, write_whole
from ..system.places import checked

try:
    import anywidget
except ImportError as error:                     # Colab does not have it; no other lesson needs it
    raise UserError("the widget in which parts are painted needs anywidget, which is not installed: "
                    "pip install anywidget") from error

KIND = "8-bit gray PNG of the numbers of parts"


class PartLabeller(anywidget.AnyWidget):
    """A person paints where the parts of one eye lie.  Show it with `show_widget`; then ask for `mask` and `painted`.

    image: uint8 (H, W) or (1, H, W).  parts: two to five names, such as evaluation.masks.SEEN; every pixel begins as the
    first.  path: where the mask is kept, as `read_mask` reads it; it is written after each stroke, and a mask that is there
    already is gone on with.  None: it is kept in memory only.  scale: pixels of the screen for one of the image, less on a
    narrow page.  The widget shows the keys; what it could not take over or write, it says in its last line.
    Raises ValueError for another image or other parts; UserError if the file is no mask of this size and so many parts,
    which leaves it alone, or if none can be written there.
    """

    _esm = Path(__file__).with_suffix(".js")
    image = traitlets.Bytes().tag(sync=True)                 # gray levels, row by row
    about = traitlets.Dict().tag(sync=True)                  # what never changes
    drawn = traitlets.Any().tag(sync=True)                   # part of each pixel, row by row: bytes, from the browser a memoryview
    said = traitlets.Unicode().tag(sync=True)

    def __init__(self, image, parts, path=None, scale=8):
        pixels, names = _gray(image), _names(parts)
        self._size, self._parts, self.path = tuple(pixels.shape), names, None if path is None else Path(path)
        self._kept = bytes(pixels.numel())
        if self.path is not None and checked(self.path).exists():
            self._kept = read_mask(self.path, self._size, names).numpy().tobytes()
        about = {"height": self._size[0], "width": self._size[1], "scale": scale, "parts": names,
                 "colours": list(PART_COLOURS[:len(names) - 1])}
        super().__init__(image=pixels.numpy().tobytes(), about=about, drawn=self._kept)
        self.observe(self._take, "drawn")

    @property
    def mask(self):
        """The part of each pixel, uint8 (H, W): its number in `parts`."""
        return torch.frombuffer(bytearray(self._kept), dtype=torch.uint8).reshape(self._size)

    @property
    def painted(self):
        """Whether any pixel is of another part than the first."""
        return any(self._kept)

    def _take(self, change):
        """A mask that the browser sends is taken over and written, or put right there and refused in one line."""
        found = change["new"]
        if isinstance(found, (bytes, memoryview)) and found == self._kept:
            return
        try:
            self._kept = _checked_bytes(found, self._size, self._parts)
        except ValueError as error:
            self.said, self.drawn = f"not taken over: {error}", self._kept
            return
        try:
            self._write()
        except UserError as error:                           # a full disk: it is not lost while the notebook runs
            self.said = f"kept in this notebook only: {error}"
        else:
            self.said = ""

    def _write(self):
        if self.path is not None:
            content = io.BytesIO()
            Image.fromarray(self.mask.numpy()).save(content, format="png")
            write_whole(self.path, [content.getvalue()])


def read_mask(path, size, parts):
    """A mask that `PartLabeller` has written  ->  uint8 (H, W), for each pixel the number of its part in `parts`.

    size: (H, W) of the image.  In other programs the file looks black: its gray levels are 0, 1, 2 and so on.
    Raises UserError if the file cannot be read, is none of that kind and size, or holds a number that names no part.
    """
    with reading(path, KIND, "move it away to begin anew"):
        with Image.open(plain_file(path), formats=["PNG"]) as file:
            found = f"{file.mode} {file.height} x {file.width}"
            if found != f"L {size[0]} x {size[1]}":          # before a pixel of it is unpacked
                raise UserError(f"{path}: found a PNG of mode {found} pixels, expected an {KIND}, L {size[0]} x {size[1]}; "
                                "choose another file")
            content = file.tobytes()
    try:
        return torch.frombuffer(bytearray(_checked_bytes(content, size, parts)), dtype=torch.uint8).reshape(tuple(size))
    except ValueError as error:
        raise UserError(f"{path}: {error}; choose another file") from error


def _checked_bytes(found, size, parts):
    """One byte a pixel, each the number of a part.  Raises ValueError for anything else."""
    wanted = f"expected {size[0]} x {size[1]} bytes from 0 to {len(parts) - 1} ({', '.join(parts)})"
    if not isinstance(found, (bytes, memoryview)):
        raise ValueError(f"found {type(found).__name__}, {wanted}")
    found = bytes(found)
    if len(found) != size[0] * size[1]:
        raise ValueError(f"found {len(found)} bytes, {wanted}")
    if max(found) >= len(parts):
        raise ValueError(f"found the number {max(found)}, {wanted}")
    return found


def _gray(image):
    image = torch.as_tensor(image).detach().cpu()
    if image.dtype != torch.uint8 or image.ndim not in (2, 3) or image.ndim == 3 and len(image) != 1 or not image.numel():
        raise ValueError(f"image: expected uint8 (H, W) or (1, H, W), found {image.dtype} {tuple(image.shape)}")
    return image.reshape(image.shape[-2:]).contiguous()


def _names(parts):
    names = [str(part) for part in parts]
    if not 2 <= len(names) <= 1 + len(PART_COLOURS) or len(set(names)) < len(names):
        raise ValueError(f"parts: expected 2 to {1 + len(PART_COLOURS)} different names, found {names}")
    return names
