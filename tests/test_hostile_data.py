"""Data that mean harm or were damaged: sets, pictures, tables, records, archives.

Some run always, all of them with `pytest -m "long or not long" tests/test_hostile_data.py`: some minutes.
"""

import io
import json
import os
import socket
import stat
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from hostile import Hostile, ends_well, params
from PIL import Image
from releases import write_cifar10, write_folder, write_kaggle, write_nyu, write_syntheseyes, write_unityeyes

from simgan_lib.images import ImageSet
from simgan_lib.simulators.release import write_release

# Texts that are no number, or none that a gaze or a point of a picture can have.
NO_NUMBERS = ["nan", "NaN", "-nan", "inf", "-Infinity", "1e999", "1e400", "", " ", "1,5", "0,25", "1_000", "٣", "０.１", "0x10",
              "1.2.3", "--1",
              "1 2", "1e", "e5", "true", "None", "1/2", "$5", "5°", "0.1\0", "1d3", "\u202e1", "9" * 50_000, "0" * 50_000 + "x"]
NAMES = ["../notes", "/notes", "..\\notes", "C:notes", "a/b", "", " ", ".", "..", "con", "NUL", "lpt1.x", "x" * 300,
         "目" * 90, "a\0b", "a\nb",
         "\x1b[2J", "\x9b2J", "\ud800", "end ", "end.", ".hidden", "what?", "a|b", "images", "GAZE", "group_day"]
JSON = [None, 0, -1, 1.5, True, "x", "", [], [[]], {}, [None], {"a": None}, 10**400, [1, 2, 3, 4, 5], "\ud800"]


# ---- image sets ----
def a_set(folder):
    gaze = torch.linspace(-0.5, 0.5, 24).reshape(12, 2)
    ImageSet(torch.arange(12 * 64).reshape(12, 1, 8, 8).to(torch.uint8), {"gaze": gaze}, {"day": ["d"] * 12}).save(folder)
    return folder


def verify(change):
    """The command that looks at an image set after change(its folder)."""
    def make(folder):
        change(a_set(folder / "set"))
        return "folder", "verify", folder / "set", "--sheet", folder / "sheet.png"
    return make


def said(**more):
    """A change of set.json; a function gets what stood there."""
    def change(place):
        about = json.loads((place / "set.json").read_text())
        about |= {name: value(about[name]) if callable(value) else value for name, value in more.items()}
        (place / "set.json").write_text(json.dumps(about))
    return change


def sets_of_other_json(random):
    def of(text):
        return verify(lambda place: (place / "set.json").write_bytes(text if isinstance(text, bytes) else text.encode()))
    for value in JSON:
        yield Hostile(f"set.json {str(value)[:20]!r}", of(json.dumps(value)), (2,))
    for text in ("", "{", "[" * 100_000, '{"a":' * 100_000, "\ufeff{}", b"\xff\xfe{}", "NaN", " " * (70 << 20), "1" * 5000):
        yield Hostile(f"set.json of {text[:8]!r}, {len(text)} bytes", of(text), (2,))
    right = [("source", ""), ("source", "x"), ("source", "\ud800"), ("labels", []), ("groups", {})]
    for field in ("format", "source", "shape", "labels", "groups"):
        for value in [value for value in JSON if (field, value) not in right]:
            yield Hostile(f"{field} {str(value)[:20]!r}", verify(said(**{field: value})), (2,))


def sets_with_names(random):
    for name in NAMES:
        def label(place, name=name):
            said(labels=["gaze", name])(place)
            np.save(place / "notes.npy", np.zeros(12, np.uint8))

        def group(place, name=name):
            if name not in ("images", "GAZE", "group_day"):
                said(groups={name: ["d"]})(place)
            else:
                said(groups={"day": ["d"], "DAY": ["d"]})(place)

        def both(place, name=name):
            said(labels=["gaze", name], groups={"day": ["d"], name: ["d"]})(place)
        for which in (label, group, both):
            yield Hostile(f"{which.__name__} called {name[:20]!r}", verify(which), (2,))
    for names in (["a"], ["a", "a"], "d", ["d", 1], [None], [["d"]], {"d": 0}, [], ["d\0"], 7):
        def codes(place, names=names):
            np.save(place / "group_day.npy", np.full(12, 1, "<u4"))
            said(groups={"day": names})(place)
        yield Hostile(f"names {names}", verify(codes), (2,))
    for name in ("\x1b[31mred\nimages 999", "\u202eabc", "\ud800", "a" * 100_000, "$\\frac{$", "\x07"):
        yield Hostile(f"a day called {name[:12]!r}", verify(said(groups={"day": [name]})), (0, 2))
        yield Hostile(f"a source of {name[:12]!r}", verify(said(source=name)), (0,))
    def much(place):
        n = 200_000
        np.save(place / "images.npy", np.ones((n, 1, 1, 1), np.uint8))
        np.save(place / "gaze.npy", np.zeros((n, 2), np.float32))
        np.save(place / "group_day.npy", np.zeros(n, "<u4"))
        said(groups={"day": ["a" * 10_000]}, shape=[n, 1, 1, 1])(place)
    yield Hostile("a name that would take gigabytes", verify(much), (2,))


def sets_of_other_arrays(random):
    n = 12
    wrong = {"gaze": [np.float32(3), np.zeros(n), np.zeros((n, 3)), np.zeros((n + 1, 2)), np.zeros((n, 2, 1)), np.zeros((0, 2)),
                      np.zeros((n, 0)),
                      np.zeros((n, 2), complex), np.zeros((n, 2), "S3"), np.zeros((n, 2), "U3"), np.zeros((n, 2), ">f4"),
                      np.zeros((n, 2), "M8[s]"),
                      np.zeros((n, 2), [("a", "f4")]), np.zeros((n, 2), np.longdouble), np.zeros((n, 2), bool)[:, ::1][:5],
                      *(np.where(np.arange(24).reshape(n, 2) == at, value, 0).astype(dtype)
                        for at, value, dtype in ((0, np.nan, "f4"), (23, np.inf, "f4"), (5, 1e300, "f8"), (7, 4, "f4"),
                                                 (8, -1.8, "f4"),
                                                 (1, 100, "i4"), (3, np.nan, "f2")))],
             "images": [np.zeros((n, 8, 8), np.uint8), np.zeros((n, 1, 0, 0), np.uint8), np.zeros((n, 0, 8, 8), np.uint8),
                        np.zeros((n, 1, 8, 8)),
                        np.zeros((n, 1, 8, 8), np.int8), np.zeros((n, 1, 8, 9), np.uint8),
                        np.zeros((n - 1, 1, 8, 8), np.uint8), np.uint8(7),
                        np.zeros((n, 1, 8, 8), bool), np.zeros((n, 1, 8, 8), "S1")],
             "group_day": [np.zeros(n), np.zeros(n, "<i4"), np.zeros(n, ">u4"), np.full(n, 1, "<u4"), np.full(n, 2**32 - 1, "<u4"),
                           np.zeros((n, 1), "<u4"),
                           np.zeros(n - 1, "<u4"), np.uint32(0), np.zeros(n, "S4")]}
    for name, arrays in wrong.items():
        for array in arrays:
            def change(place, name=name, array=array):
                np.save(place / f"{name}.npy", array)
            yield Hostile(f"{name} {array.dtype} {array.shape} {np.ravel(array)[:1]}", verify(change), (2,))
    for name, shape in (("pupil", (n, 7)), ("iris", (n, 2)), ("parts", (n, 5)), ("joints", (n, 14)), ("kind", (n, 2)),
                        ("pupil", (n, 2)), ("iris", (n, 5))):
        def added(place, name=name, shape=shape):
            np.save(place / f"{name}.npy", np.full(shape, np.nan, np.float32))
            said(labels=["gaze", name])(place)
        yield Hostile(f"{name} of NaN {shape}", verify(added), (2,))


def sets_of_other_bytes(random):
    def header(text, body=b""):
        text = text.encode().ljust(117) + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body
    texts = ["{'descr': '<f4', 'fortran_order': False, 'shape': (12, 9999999999)}",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (-12, 2)}",
             "{'descr': '|O', 'fortran_order': False, 'shape': (12, 2)}", "__import__('os').system('touch harm')",
             "{'descr': [", "(" * 110,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 2), 'more': 1}",
             "{'descr': '<f4', 'fortran_order': 1, 'shape': 'x'}"]
    packed = io.BytesIO()
    np.savez(packed, a=np.zeros(3))
    contents = [*(header(text, bytes(96)) for text in texts), b"", b"\x93NUMPY", b"\x93NUMPY\x09\x00", b"PK\x03\x04",
                packed.getvalue(), bytes(1000),
                b"\x80\x04\x95", b"cos\nsystem\n(S'touch harm'\ntR."]
    for content in contents:
        for name in ("gaze", "images"):
            yield Hostile(f"{name}.npy {content[:60]!r}", verify(lambda place, c=content,
                                                                 n=name: (place / f"{n}.npy").write_bytes(c)), (2,))
    for name in ("images.npy", "gaze.npy", "group_day.npy", "set.json"):
        for _ in range(6):
            at, value = random.random(), int(random.integers(1, 256))

            def flipped(place, name=name, at=at, value=value):
                content = bytearray((place / name).read_bytes())
                content[int(at * len(content))] ^= value
                (place / name).write_bytes(content)
            yield Hostile(f"{name}: a byte at {at:.4f} ^ {value}", verify(flipped))
        yield Hostile(f"{name} cut", verify(lambda place, n=name: os.truncate(place / n, (place / n).stat().st_size - 9)), (2,))
        if name != "set.json":
            yield Hostile(f"{name} with more behind", verify(lambda place,
                                                             n=name: open(place / n, "ab").write(b"more") and None), (2,))


def no_plain_files(random):
    """A pipe, a socket, a folder, a device or nothing in the place of each file."""
    def pipe(path):
        os.mkfifo(path)

    def place_of_socket(path):
        with socket.socket(socket.AF_UNIX) as made:
            here = os.getcwd()
            os.chdir(path.parent)                           # the name of a socket may have 107 bytes
            made.bind(path.name)
            os.chdir(here)

    def device(path):
        path.symlink_to("/dev/null")

    def to_itself(path):
        path.symlink_to(path.name)

    def nothing(path):
        pass
    kinds = (pipe, place_of_socket, Path.mkdir, device, to_itself, nothing) if hasattr(os, "mkfifo") else (Path.mkdir, nothing)
    releases = {"unityeyes": (write_unityeyes, "imgs/2.*"), "syntheseyes": (write_syntheseyes, "f01/*.png"),
                "folder": (write_folder, "**/*.*"),
                "kaggle": (write_kaggle, "gaze.h5"), "cifar10": (write_cifar10, "*.bin"), "nyu": (write_nyu, "test/*"),
                "mpiigaze": (write_small_release, "**/day01.mat")}
    for kind in kinds:
        for name in ("set.json", "images.npy", "gaze.npy", "group_day.npy"):
            def change(place, kind=kind, name=name):
                (place / name).unlink()
                kind(place / name)
            yield Hostile(f"{kind.__name__} as {name}", verify(change), (2,))
        for name, (write, files) in releases.items():
            def make(folder, kind=kind, name=name, write=write, files=files):
                write(folder / "in")
                for path in sorted((folder / "in").glob(files))[:2]:
                    if not path.is_dir():
                        path.unlink()
                        kind(path)
                return name, "convert", folder / "in", folder / "out", "--workers", 1
            yield Hostile(f"{kind.__name__} in {name}", make, (0, 2), taken)
        def table(folder, kind=kind):
            write_folder(folder / "in")
            kind(folder / "in" / "labels.csv")
            return "folder", "convert", folder / "in", folder / "out", "--workers", 1, "--labels", "labels.csv"
        yield Hostile(f"{kind.__name__} as table", table, (2,))


def sets_for_each_command(random):
    """What `verify` refuses the others refuse: before they begin."""
    def broken(place):
        np.save(place / "gaze.npy", np.full((12, 2), np.nan, np.float32))
    for change in (broken, said(labels=["../notes"]), said(shape=[12, 1, 8, 9]), lambda place: (place / "images.npy").unlink()):
        for words in (("train", "bad", "good", "r.safetensors"), ("train", "good", "bad", "r.safetensors"),
                      ("evaluate", "good", "bad"),
                      ("evaluate", "bad", "good")):
            def make(folder, change=change, words=words):
                a_set(folder / "good")
                change(a_set(folder / "bad"))
                return "kit", *words, "--device", "cpu"
            yield Hostile(f"{words[:3]}", make, (2,))


def sets_with_words(random):
    """Labels of one number are written on the contact sheet, which takes some letters for mathematics."""
    for name in ("$^$", "$x", "a_b^c", "{", "目", "%s", "<b>", "&amp;"):
        def change(place, name=name):
            np.save(place / f"{name}.npy", np.ones(12, np.float32))
            said(labels=["gaze", name])(place)
        yield Hostile(f"a label called {name}", verify(change), (0, 2))


# ---- what was accepted is right ----
def taken(folder, output):
    """What was converted opens; the count is that which was told; all labels are numbers that can be."""
    images = ImageSet.load(folder / "out")
    assert any(line.startswith(f"{len(images):,} images in ") for line in output.splitlines()[-2:])
    for name, values in images.labels.items():
        values = values.double().numpy()
        assert np.isfinite(values).all()
        if name == "gaze":
            assert (np.abs(values) <= (np.pi / 2 + 1e-3, np.pi + 1e-3)).all()
    assert images.images.flatten(1).any(1).all()


def taken_but(n):
    """n images, the others told."""
    def right(folder, output):
        taken(folder, output)
        assert len(ImageSet.load(folder / "out")) == n and "skipped: none" not in output
    return right


def convert(name, write, *words):
    def make(folder):
        write(folder / "in")
        return name, "convert", folder / "in", folder / "out", "--workers", 1, *words
    return make


# ---- pictures ----
def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, depth=8, colour=0, data=None, more=b""):
    size = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(bytes(1000)) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bomb(width, height):
    """A PNG of one colour with transparency, in a few hundred kilobytes.  Not made before it is needed."""
    packer, row = zlib.compressobj(1), b"\0" + b"\x55" * (width * 4)
    return lambda: png(width, height, 8, 6, b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()]))


def huge_tile():
    """A TIFF of 16x16 whose one tile says that it has 20,000 x 20,000."""
    tags = [(256, 4, 16), (257, 4, 16), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1), (322, 4, 20_000),
            (323, 4, 20_000), (324, 4, 200),
            (325, 4, 1 << 10)]
    return (b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind,
                                                                   value in tags)
            + bytes(4)).ljust(200, b"\0") + zlib.compress(bytes(1 << 20))


def encoded(kind, mode="L", size=(60, 40), **how):
    file = io.BytesIO()
    picture = Image.effect_noise(size, 60).convert(mode) if mode not in ("I;16", "I", "F") else Image.new(mode, size, 900)
    picture.save(file, kind, **how)
    return file.getvalue()


def pictures(random):
    def of(content, ending="png", *words):
        def write(folder):
            folder.mkdir()
            Image.new("L", (60, 40), 9).save(folder / "good.png")
            (folder / f"b.{ending}").write_bytes(content() if callable(content) else content)
        return convert("folder", write, *words)
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 40\n%%EndComments\n(harm) (w) file closefile showpage\n%%EOF\n"
    refused = {"EPS": eps, "PDF": encoded("PDF", "RGB"), "GIF": encoded("GIF", "P"), "ICO": encoded("ICO", "RGB"),
               "TGA": encoded("TGA", "RGB"),
               "SGI": encoded("SGI", "RGB"), "PCX": encoded("PCX"), "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
               "text": b"P9 nonsense",
               "nothing": b"", "100,000 pixels a side": png(100_000, 100_000), "0 pixels": png(0, 10),
               "2**31 pixels": png(2**31 - 1, 1),
               "80 million pixels": bomb(8900, 9000),
               "34 million pixels": bomb(5800, 5900),
               "a TIFF's huge tile": huge_tile(), "PGM of a billion": b"P5 30000 30000 255\n" + bytes(99),
               "PGM of words": b"P2 3 3 255\n1 2 x 4 5 6 7 8 9",
               "numbers of 32 bits": encoded("TIFF", "I"), "fractions": encoded("TIFF", "F"),
               "BMP of -1": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 90, 0, 0, 54, 40, -9, -9, 1, 24, 0, 0, 0, 0, 0, 0),
               "text chunk of 80 MB": png(9, 9, more=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 28), 1)))}
    for name, content in refused.items():
        yield Hostile(f"picture: {name}", of(content), (0,), taken_but(1))
    largest = bomb(5700, 5800)
    for words in ((), ("--colour",)):
        yield Hostile(f"the largest picture {words}", of(largest, "png", *words), (0,), taken)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        for words in ((), ("--colour",)):
            yield Hostile(f"PNG {mode} {words}", of(encoded("PNG", mode), "png", *words), (0,), taken)
    for kind, ending, how in (("JPEG", "jpg", {"progressive": True}), ("TIFF", "tif", {"compression": "tiff_lzw"}),
                              ("BMP", "bmp", {}), ("WEBP", "webp", {}),
                              ("PPM", "pgm", {})):
        whole = encoded(kind, **how)
        yield Hostile(f"{kind} called png", of(whole), (0,), taken)
        for share in random.random(4):
            yield Hostile(f"{kind} cut at {share:.3f}", of(whole[:int(share * len(whole))], ending), (0,), taken)
        for at, value in zip(random.integers(0, min(len(whole), 400), 6), random.integers(1, 256, 6)):
            yield Hostile(f"{kind}: byte {at} ^ {value}", of(whole[:at] + bytes([whole[at] ^ value]) + whole[at + 1:],
                                                             ending), (0,), taken)
    for size in ((1, 1), (1, 30_000), (30_000, 1), (2, 3)):
        yield Hostile(f"a picture of {size}", of(encoded("PNG", size=size)), (0,), taken)


def folders(random):
    def other(put, right=taken):
        def write(folder):
            write_folder(folder)
            put(folder)
        return convert("folder", write), right

    def named(name, content=b"x"):
        def put(folder):
            (folder / name).write_bytes(content)
        return put

    def loop(folder):
        (folder / "sub" / "up").symlink_to("..")
        (folder / "sub" / "self").symlink_to(".")

    def many(folder):
        """Each of twelve folders links to all of them: walked along every path, more than there are atoms."""
        for i in range(12):
            (folder / f"d{i}").mkdir()
            for j in range(12):
                (folder / f"d{i}" / f"to{j}").symlink_to(f"../d{j}")

    def outside(folder):
        (folder.parent / "store" / "deep").mkdir(parents=True)
        Image.new("L", (60, 40), 9).save(folder.parent / "store" / "deep" / "c.png")
        (folder / "linked").symlink_to("../store")
        (folder.parent / "store" / "back").symlink_to("../in")
    cases = {"a link up": (loop, taken_but(3)), "links to each other": (many, taken_but(3)),
             "a linked folder": (outside, taken_but(4)),
             "a link to nowhere": (lambda folder: (folder / "x.png").symlink_to("nowhere"), taken_but(3)),
             "a HEIC": (named("a.heic"), taken_but(3)), "a table": (named("labels.csv"), taken_but(3)),
             "no ending": (named("README"), taken_but(3)),
             "ESC": (named("\x1b[2J.png"), taken_but(3)), "two lines": (named("a\nb.png"), taken_but(3)),
             "bytes": (named(os.fsdecode(b"\xff\xfe.png")), taken_but(3)),
             "right to left": (named("\u202egnp.png"), taken_but(3)), "long": (named("x" * 250 + ".png"), taken_but(3)),
             "blank": (named(" .png"), taken_but(3)),
             "a long ending": (named("x." + "y" * 200), taken_but(3)), "a percent": (named("%s{}.png"), taken_but(3)),
             "an option": (named("--help.png"), taken_but(3)),
             "hidden": (named(".x.png"), taken)}
    for name, (put, right) in cases.items():
        make, right = other(put, right)
        yield Hostile(f"folder with {name}", make, (0,), right)


# ---- tables and records of texts ----
def tables(random):
    def of(text, *files):
        def write(folder):
            write_folder(folder)
            (folder / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        return convert("folder", write, "--labels", "labels.csv")
    rows = "sub/1.jpg,0,0,1\nsub/2.bmp,0,0,1\n"
    for text in NO_NUMBERS:
        quoted = '"' + text.replace('"', '""') + '"'
        yield Hostile(f"pitch {text[:20]!r}", of(f"file,pitch_deg,yaw_deg,day\n0.png,{quoted},0,1\n{rows}"), (2,))
        yield Hostile(f"gaze_y {text[:20]!r}", of(f"file,gaze_x,gaze_y,gaze_z\n0.png,0,{quoted},1\n"), (2,))
    for angles in ("91,0", "0,181", "-90.001,0", "1e308,0", "0,-1e38"):
        yield Hostile(f"angles {angles}", of(f"file,pitch_deg,yaw_deg\n0.png,{angles}\n"), (2,))
    for vector in ("0,0,0", "1e-300,0,0", "1e-7,0,-1e-7"):
        yield Hostile(f"vector {vector}", of(f"file,gaze_x,gaze_y,gaze_z\n0.png,{vector}\n"), (2,))
    for vector in ("1e308,1e308,1e308", "-1e308,0,-1e308", "1e38,1,1e38", "0,1e200,-1", "1e-5,0,-1e-5"):
        yield Hostile(f"vector {vector}", of(f"file,gaze_x,gaze_y,gaze_z\n0.png,{vector}\n"), (0,), taken_but(1))
    for name in NAMES:
        quoted = '"' + name.replace('"', '""') + '"'
        if name not in ("images", "GAZE", "group_day"):
            yield Hostile(f"column {name[:20]!r}", of(f"file,{quoted}\n0.png,1\n"), (2,))
        yield Hostile(f"file {name[:20]!r}", of(f"file,day\n{quoted},1\n"), (2,))
        yield Hostile(f"day {name[:20]!r}", of(f"file,day\n0.png,{quoted}\n"), (0, 2), taken)
    for name in ("images", "GAZE", "group_day"):
        yield Hostile(f"columns day and {name}", of(f"file,pitch_deg,yaw_deg,day,{name}\n0.png,0,0,1,2\n"), (0, 2), taken)
    for text in (b"", b"\0", b"file", b"\xff\xfe" + "file,day\n0.png,1\n".encode("utf-16-le"), b"file;day\n0.png;1\n",
                 b"file,day\n0.png,\xff\n", b'file,day\n"0.png,1\n',
                 b"file,day\n0.png," + b"x" * 200_000, b"file,day\n" + b"0.png,1\n" * 2, b"file,day\n0.png\n",
                 b"file,day\n0.png,1,2\n", b"file,file\n0.png,0.png\n",
                 b"file,day\n../0.png,1\n", b"file,day\n/etc/passwd,1\n", b"file,pitch_deg\n0.png,1\n",
                 b"file," + b",".join(b"c%d" % i for i in range(3000)) + b"\n"):
        yield Hostile(f"table {text[:30]!r}", of(text), (2,))


def renderings(random):
    """UnityEyes: the second of three is wrong."""
    def called(name, change):
        def second(i, about):
            return change(about) if i == 1 else None
        return Hostile(name, convert("unityeyes", lambda folder: write_unityeyes(folder, 3, change=second)), (0,), taken_but(2))
    for text in NO_NUMBERS:
        look = f"({text}, -0.2, -0.9, 0.0)"
        yield called(f"look_vec of {text[:12]!r}", lambda about, v=look: about["eye_details"].update(look_vec=v))
        yield called(f"point of {text[:12]!r}", lambda about, t=text: about["iris_2d"].__setitem__(3, f"({t}, 241.2, 9.5)"))
    for look in ("(0,1312, -0,2077, -0,9693, 0,0000)", "(0,13, 0, -1)", "(0, 0, 0, 0)", "(0.1, 0.2)",
                 "(0.1, 0.2, -0.9, 0, 0)", "0.1 0.2 -0.9 0", "(1e200, 0, -1, 0)", "(1e-20, 0, 0, 0)",
                 "((0.1, 0.2, -0.9))", "[0.1, 0.2, -0.9", "", 7, None, [0.1, 0.2, -0.9], {"x": 1}, True):
        yield called(f"look_vec {look!r}", lambda about, t=look: about["eye_details"].update(look_vec=t))
    for value in JSON:
        for name in ("iris_2d", "caruncle_2d", "interior_margin_2d", "eye_details"):
            yield called(f"{name} {str(value)[:12]!r}", lambda about, n=name, v=value: json.dumps(about | {n: v}))
    for points in (["(1, 2)"] * 9, ["(1, 2, 3, 4)"] * 9, ["(1,5, 2,5, 3,5)"] * 9, ["(1e30, 2, 3)"] * 9,
                   [f"({i}e9, {i * i}e9, 0)" for i in range(9)],
                   ["(320, 240, 9)"] * 9, ["(-9000, 3, 9)", "(9000, 3, 9)", "(0, 9000, 9)", "(1, 2, 3)"]):
        yield called(f"iris_2d {points[0]}", lambda about, p=points: about.update(iris_2d=p))
    for text in ("", "{", "[" * 100_000, "null", "\ufeff{}", '{"a": NaN}', "1" * 5000):
        yield called(f"json {text[:8]!r}", lambda about, t=text: t or " ")


def names_of_pictures(random):
    for stem in ("f01_1_nan_0.1", "f01_1_0.1_inf", "f01_1_0,1_0,2", "f01_1_9.0_0.0", "f01_1_1e5_0", "f01_1_٣_0.1",
                 "f01_1_0.1", "_1_0.1_0.1", "f01_1_0.1_0.1_0.1", "f01__0.1_0.1",
                 "f01_1_--0.1_0.1", "f01_1_1.6_0.0", "f01_1_0.0_-1.6", "f01_1_._."):
        def write(folder, stem=stem):
            write_syntheseyes(folder, 2)
            Image.new("L", (120, 80), 90).save(folder / "f01" / f"{stem}.png")
        yield Hostile(f"SynthesEyes {stem}", convert("syntheseyes", write), (0,), taken_but(2))


# ---- files of many records ----
def write_small_release(folder):
    write_release(folder, days=1, bursts=1)


def days(random):
    """MPIIGaze's files."""
    eye, look = random.integers(1, 256, (5, 36, 60), dtype=np.uint8), np.tile([0.1, 0.2, -0.97], (5, 1))

    def of(data, **more):
        def write(folder):
            place = folder / "Data" / "Normalized" / "p00"
            place.mkdir(parents=True)
            scipy.io.savemat(place / "day01.mat", {"data": data, **more}, do_compression=True)
        return convert("mpiigaze", write)

    def eyes(images=eye, gaze=look):
        return {side: {"image": images, "gaze": gaze} for side in ("left", "right")}
    for value in (np.nan, np.inf, 0, 131, 1e30, 1e300, 1e-200):
        wrong = look.copy()
        wrong[1] = value
        yield Hostile(f"a gaze of {value}", of(eyes(gaze=wrong)), (0,), taken_but(8))
    for data in (1, "x", {}, {"left": 1, "right": 2}, eyes(images=eye.astype(float)), eyes(images=eye[:, :3]),
                 eyes(images=eye[0, 0]), eyes(gaze=look[:, :2]), eyes(gaze=look[:4]),
                 eyes(gaze=look.astype(complex)), eyes(gaze="text"), eyes(gaze=np.array(["a", "b"], object)),
                 eyes(images="text"), {"left": eyes()["left"]}):
        yield Hostile(f"data {str(data)[:40]!r}", of(data), (2,))
    for names in (["a"], ["a"] * 6, 7, "x" * 9, np.zeros((5, 5))):
        yield Hostile(f"filenames {str(names)[:20]!r}", of(eyes(), filenames=names), (0, 2), taken)
    whole = io.BytesIO()
    scipy.io.savemat(whole, {"data": eyes()}, do_compression=True)
    yield from damaged("mpiigaze", "Data/Normalized/p00/day01.mat", whole.getvalue(), random, write_small_release)


def damaged(name, path, content, random, write, number=8):
    """A file cut, with flipped bytes, and of something else."""
    def of(content):
        def put(folder):
            write(folder)
            (folder / path).write_bytes(content)
        return convert(name, put)
    for share in random.random(number):
        yield Hostile(f"{path} cut at {share:.3f}", of(content[:int(share * len(content))]), (0, 2), taken)
    for at, value in zip((random.random(2 * number) ** 3 * len(content)).astype(int), random.integers(1, 256, 2 * number)):
        yield Hostile(f"{path}: byte {at} ^ {value}", of(content[:at] + bytes([content[at] ^ value]) + content[at + 1:]),
                      (0, 2), taken)
    for other in (b"", b"\0" * 4096, b"<!DOCTYPE html>", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(500),
                  bytes(random.integers(0, 256, 3000, dtype=np.uint8))):
        yield Hostile(f"{path} of {other[:12]!r}", of(other), (0, 2), taken)


def hdf5(random):
    looks = {f"{i:05d}": [0.1, 0.2, -0.97] for i in range(3)}
    for look in [f"({text}, 0.2, -0.9)" for text in NO_NUMBERS if "\0" not in text] + [
            "(0,1, 0,2, -0,9)", [0.1, 0.2], [0.1] * 5, [0.1, 0.2, -0.97, 0, 0], [1e200, 0, 0], [[0.1, 0.2, -0.97]],
                                                                                       [0.1 + 1j, 0, 0], [True] * 3, 7.0,
                                                                                       [0.0] * 3, [np.nan] * 3, [0.01] * 3]:
        yield Hostile(f"look_vec {str(look)[:20]!r}", convert("kaggle", lambda folder,
                                                              v=look: write_kaggle(folder, 3, look_vec=looks | {"00001": v})),
                      (0,), taken_but(2))

    def changed(change):
        def write(folder):
            with h5py.File(write_kaggle(folder, 3, look_vec=looks) / "gaze.h5", "a") as file:
                change(file)
        return convert("kaggle", write)

    def linked(link):
        def change(file):
            del file["image/00001"]
            file["image/00001"] = link
        return change

    def array(**how):
        def change(file):
            del file["image/00001"]
            file["image"].create_dataset("00001", **{"dtype": "u1"} | how)
        return change

    def circle(file):
        file["image/00001x"] = file["image"]
    changes = {"soft link": linked(h5py.SoftLink("/image/00000")), "link to a file": linked(h5py.ExternalLink("/etc/passwd",
                                                                                                              "/x")),
               "link to a pipe": linked(h5py.ExternalLink("pipe", "/x")),
               "claims a terabyte": array(shape=(1 << 20, 1 << 20)), "one huge piece": array(shape=(35, 55),
                                                                                             chunks=(1 << 14, 1 << 14),
                                                                                             maxshape=(None, None),
                                                                                             compression="gzip"),
               "texts": array(shape=(4, 4), dtype="S99999999"), "complex": array(shape=(35, 55), dtype="c8"),
               "references": array(shape=(3, 3), dtype=h5py.ref_dtype), "no pixel": array(shape=(0, 55)),
               "a structure": array(shape=(3, 3), dtype=[("a", "u1")]),
               "outside": array(shape=(35, 55), external=[("/etc/passwd", 0, 1925)])}
    for name, change in changes.items():
        yield Hostile(f"picture: {name}", changed(change), (0,), taken_but(2))
    yield Hostile("picture: a circle", changed(circle), (0,), taken)


def damaged_files(random):
    for name, path, write in (("kaggle", "gaze.h5", lambda folder: write_kaggle(folder, 3)),
                              ("cifar10", "test_batch.bin", lambda folder: write_cifar10(folder, 3)),
                              ("nyu", "test/joint_data.mat", lambda folder: write_nyu(folder, 2))):
        def content(folder, write=write, path=path):
            write(folder)
            return (folder / path).read_bytes()
        with tempfile.TemporaryDirectory() as place:
            whole = content(Path(place) / "in")
        yield from damaged(name, path, whole, random, write, 6)


def joints(random):
    for value in (np.nan, np.inf, 1e30, 1e300, -5.0, 0.0, 70_000):
        for axis in range(3):
            def write(folder, value=value, axis=axis):
                path = write_nyu(folder, 2) / "test" / "joint_data.mat"
                known = scipy.io.loadmat(path)["joint_uvd"]
                known[0, 0, 0, axis] = value
                scipy.io.savemat(path, {"joint_uvd": known})
            yield Hostile(f"a joint's {'uvz'[axis]} {value}", convert("nyu", write), (0,), taken)
    for text in [text for text in NO_NUMBERS if text.strip() and text not in ("1 2", "nan", "NaN", "-nan", "inf", "-Infinity",
                                                                              "1e999", "1e400")][:14]:
        def texts(folder, text=text):
            write_nyu(folder, 2, text=True)
            path = folder / "nyu_test_groundtruth_label.txt"
            path.write_text(text + path.read_text()[path.read_text().index(" "):], encoding="utf-8")
        yield Hostile(f"joints of texts {text[:12]!r}", convert("nyu", texts), (0, 2), taken)


# ---- archives ----
def archives(random):
    """Put where the download of NYU's would lie; what it unpacks lies within its folder."""
    def of(members):
        def make(folder):
            (folder / "data").mkdir()
            with zipfile.ZipFile(folder / "data" / "nyu_hand_dataset_v2.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content, kind in members:
                    about = zipfile.ZipInfo(name)
                    about.external_attr, about.compress_type = kind << 16, zipfile.ZIP_DEFLATED
                    archive.writestr(about, content)
            return "nyu", "download", folder / "data"
        return make

    def within(folder, output):
        assert sorted(path.name for path in folder.iterdir()) == ["data", "hostile.err", "hostile.out"]
    plain = stat.S_IFREG | 0o644
    for name in NAMES + ["a/../../b", "//a", "\\\\a\\b", "a/./../../x", "test/../../../x"]:
        if name and "\0" not in name and "\ud800" not in name:
            yield Hostile(f"member {name[:20]!r}", of([(name, b"x", plain)]), (2,), within)
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK):
        yield Hostile(f"member of kind {kind:o}", of([("a", b"/etc/passwd", kind | 0o644), ("a/b", b"x", plain)]), (2,), within)
    yield Hostile("a bomb", of([("a", bytes(200 << 20), plain)]), (2,), within)
    yield Hostile("a name twice", of([("a", b"x", plain), ("a", b"y", plain)]), (2,), within)
    yield Hostile("a name twice, but for its letters", of([("a", b"x", plain), ("A", b"y", plain)]), (2,), within)
    yield Hostile("nothing", of([]), (2,), within)
    for content in (b"", b"PK", bytes(1000), b"PK\x05\x06" + bytes(17), b"PK\x05\x06" + b"\xff" * 18):
        def put(folder, content=content):
            (folder / "data").mkdir()
            (folder / "data" / "nyu_hand_dataset_v2.zip").write_bytes(content)
            return "nyu", "download", folder / "data"
        yield Hostile(f"archive {content[:6]!r}", put, (2,), within)


KINDS = [sets_of_other_json, sets_for_each_command, sets_with_words, sets_with_names, sets_of_other_arrays,
         sets_of_other_bytes, no_plain_files, pictures, folders,
         tables, renderings, names_of_pictures, days, hdf5,
         damaged_files, joints, archives]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes, links and names that Windows does not have")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("hostile", params(KINDS))
def test_it_ends_in_one_line_or_in_what_is_right(tmp_path, hostile):
    ends_well(hostile, tmp_path)
