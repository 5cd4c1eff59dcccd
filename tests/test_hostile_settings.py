"""Hostile settings, refiners, states, records and downloads: each ends in one line, or in what is right.

A share runs always; all of them:  pytest -m "long or not long" tests/test_hostile_settings.py
"""

import contextlib
import copy
import hashlib
import io
import json
import os
import shutil
import socket
import threading
import zipfile
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest
import torch
from hostile import Hostile, ends_well, params

from simgan_lib.datasets.tools.downloads import Remote, download
from simgan_lib.experiments.records import RECORDED
from simgan_lib.images import ImageSet
from simgan_lib.networks import Refiner
from simgan_lib.pretrained import load_refiner
from simgan_lib.system.checkpoints import STATE, load_state, save_checkpoint, save_state
from simgan_lib.system.errors import UserError
from simgan_lib.system.settings import Flag
from simgan_lib.training import TrainingConfig

NO_NUMBERS = ("nan", "inf", "-inf", "1e999", "-1", "1e18", str(10**30), "9" * 5000, "", "zwei", "0x10", "1,5", "\x1b[2J", "True",
              "None", "[1]", "1/2", "3 4")
CARD = {"channels": 1, "width": 4, "blocks": 1, "noise": 0, "residual": False}
SMALL = ("steps=2", "refiner_warmup=1", "discriminator_warmup=1", "width=4", "blocks=1", "batch=4", "buffer=8")


# ---- what the commands get that is not hostile ----
def a_set(path, n=12, side=14, **labels):
    pixels = torch.randint(0, 256, (n, 1, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    ImageSet(pixels, labels).save(path)
    return path


def training(folder, settings=()):
    """Words that train a refiner on two small sets, with these settings in place of the small ones of their names."""
    chosen = {each.partition("=")[0]: each for each in (*SMALL, *settings)}
    words = [word for each in chosen.values() for word in ("--set", each)]
    return ["kit", "train", a_set(folder / "S"), a_set(folder / "R", 11), folder / "r.safetensors", *words]


def finite(folder, output):
    """Whatever was accepted gave a refiner that can be used."""
    weights = load_refiner(folder / "r.safetensors").state_dict().values()
    assert all(value.isfinite().all() for value in weights)


# ---- settings ----
def settings_out_of_range(rng):
    """Every field of TrainingConfig, with texts that are no value of it."""
    for field in fields(TrainingConfig):
        for text in rng.permutation(NO_NUMBERS)[:6].tolist():
            if (type(field.type), text) != (Flag, "True"):
                yield Hostile(f"{field.name}={text[:20]!r}", lambda folder, e=f"{field.name}={text}": training(folder, [e]), (2,))


def settings_that_are_odd(rng):
    """Each is within its range; a run ends with a refiner that can be used, or says why not."""
    for each in ("batch=1 buffer=0", "batch=3", "blocks=0", "width=1", "noise=64", "regularization=0", "regularization=1e4",
                 "warmup_weight=1000", "warmup_weight=0", "refiner_lr=10", "discriminator_lr=10", "optimizer=sgd refiner_lr=10",
                 "refiner_lr=1e-300", "buffer=2", "image_pool=true buffer=4", "local=false", "residual=true refiner_lr=10",
                 "ema_decay=0", "ema_decay=0.999999", "refiner_warmup=0 discriminator_warmup=0", "steps=1",
                 "width=1024 blocks=64 batch=65536", "buffer=10000000 width=1", "batch=65536 width=1024"):
        yield Hostile(each, partial(training, settings=each.split()), right=finite)


def options_out_of_range(rng):
    """Numbers of the command line, before any work."""
    commands = {("simulate", "out"): ("--number", "--seed"), ("reproduce",): ("--seeds", "--first-seed"), ("ablate",): (
        "--seeds", "--jobs"), ("gaze-table",): ("--seeds", "--first-seed"), ("train", "a", "b", "c"): ("--seed",),
        ("evaluate", "a", "b"): ("--seed",), ("ship", "gray"): ("--seed",)}
    for words, options in commands.items():
        for option in options:
            for text in rng.permutation(NO_NUMBERS)[:5].tolist():
                given = ["kit", *words, f"{option}={text}"]
                yield Hostile(f"{words[0]} {option}={text[:20]!r}", lambda folder, given=given: given, (2,))


def words_that_there_are_not(rng):
    named = {"--device": ("cuda:99", "cpu:7", "", "meta", "\x1b]0;x\x07", "cuda:-1", "hpu"),
             "--profile": ("huge", "\x1b[2J", "QUICK")}
    for option, texts in named.items():
        for text in texts:
            yield Hostile(f"{option} {text!r}", lambda folder, w=(option, text): [*training(folder), *w], (2,))
    for address in ("", "here", "\x1b[2J", "http://127.0.0.1:1", "tcp://127.0.0.1:port", "1/3"):
        yield Hostile(f"--cluster {address!r}", lambda folder, a=address: ["kit", "ablate", f"--cluster={a}", "--results", folder],
                      (2,))


# ---- refiners ----
def refining(folder, write):
    write(folder / "r.safetensors")
    return ["kit", "refine", folder / "r.safetensors", a_set(folder / "S"), folder / "out"]


def cards_of_no_refiner(rng):
    """A fitting digest, the weights of a small refiner, and a card that says something else."""
    weights = Refiner(1, 4, 1).state_dict()
    odd = (-1, 0, 10**7, 10**9, 10**30, 2.0, "4", None, True, [4], {}, 5)
    cards = [{"card": CARD | {name: value}} for name in ("channels", "width", "blocks", "noise") for value in odd
             if not (name == "noise" and value == 0)]
    cards += [{"card": CARD | {"residual": value}} for value in (1, "no", None, [])]
    cards += [{"card": {k: v for k, v in CARD.items() if k != name}} for name in ("channels", "width", "blocks")]
    for about in (*cards, {"card": [1]}, {"card": None}, {"card": "x"}, {}, [], None, 3, "card", {"card": {}}, {"state": 1}):
        yield Hostile(str(about), lambda folder, a=about: refining(folder, lambda path: save_checkpoint(path, weights, a)), (2,))


def weights_of_no_refiner(rng):
    """A fitting card and digest, and tensors that are not those of the card, or no numbers."""
    good = Refiner(1, 4, 1).state_dict()
    first = "enter.weight"
    changed = {"none": {}, "one less": {k: v for k, v in good.items() if k != first}, "one more": good | {"more": torch.zeros(3)},
               "transposed": good | {first: good[first].transpose(0, 1).contiguous()}, "empty": good | {first: torch.zeros(0)},
               **{f"{kind}".split(".")[1]: {k: v.to(kind) for k, v in good.items()} for kind in (
                   torch.float16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64)},
               **{f"{value} in {name}": good | {name: torch.full_like(good[name], value)} for name in (first, "leave.bias")
                  for value in (float("nan"), float("inf"), float("-inf"))}}
    for name, tensors in changed.items():
        yield Hostile(name, lambda folder, t=tensors: refining(folder, lambda path: save_checkpoint(path, t, {"card": CARD})), (2,))


def bytes_of_no_refiner(rng):
    """Damaged files, headers that claim, and other things than files."""
    def damaged(change, path):
        save_checkpoint(path, Refiner(1, 4, 1).state_dict(), {"card": CARD})
        path.write_bytes(change(bytearray(path.read_bytes())))

    def flipped(content, at=0):
        content[at % len(content)] ^= 1 << at % 8
        return content
    changes = {f"bit at {at}": partial(flipped, at=at) for at in rng.integers(0, 10_000, 12).tolist()}
    changes |= {f"cut at {n}": lambda content, n=n: content[:n] for n in (0, 1, 7, 8, 100, 2000)}
    changes |= {f"header of {n}": lambda content, n=n: n.to_bytes(8, "little") + content[8:]
                for n in (0, 1, 2**31, 2**63, 2**64 - 1)}
    changes |= {f"header {text[:20]}": lambda content, t=text: len(t).to_bytes(8, "little") + t.encode() for text in (
        "{}", "[]", "null", "[" * 100_000, '{"__metadata__": {"simgan": "[]"}}', '{"__metadata__": 3}',
        '{"__metadata__": {"simgan": "{\\"sha256\\": \\"\\"}"}}',
        '{"__metadata__": {"simgan": "{\\"sha256\\": 3}"}, "a": {"data_offsets": [0, "x"]}}')}
    for name, change in changes.items():
        yield Hostile(name, lambda folder, c=change: refining(folder, partial(damaged, c)), (2,))
    for name, make in PLACES.items():
        yield Hostile(name, lambda folder, m=make: refining(folder, m), (2,))


PLACES = {"a pipe": getattr(os, "mkfifo", os.mkdir), "a folder": os.mkdir, "a device": lambda path: os.symlink("/dev/zero", path),
          "a link to itself": lambda path: os.symlink(path, path), "nothing": lambda path: None}


# ---- states of runs ----
def states_of_no_run(rng):
    """The state beside OUT is changed, with a fitting digest, and the training is to go on from it."""
    def going_on(folder, change):
        words = training(folder, ["steps=3"])
        started(folder, words)
        path = folder / "r.safetensors.run.state"
        change(path)
        return words

    def started(folder, words):
        from simgan_lib.__main__ import main
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main([str(word) for word in words[1:]]) == 0

    def rewritten(change, path):
        state = load_state(path)
        save_state(path, change(state))

    def within(*keys, to):
        def change(state):
            place = state = copy.deepcopy(state)
            for key in keys[:-1]:
                place = place[key]
            place[keys[-1]] = to
            return state
        return change
    values = (None, -1, 10**12, 1.5, "x", [], {}, torch.zeros(3), torch.tensor(float("nan")))
    keys = [("run",), ("log",), ("run", "done"), ("run", "refiner"), ("run", "buffer"), ("run", "generator"), ("run", "monitor"),
            ("run", "refiner_optimizer"), ("log", "records"), ("log", "snapshots"), ("run", "config"), ("run", "data")]
    for place in keys:
        for value in (values[i] for i in rng.permutation(len(values))[:3]):
            change = within(*place, to=value)
            yield Hostile(f"{'/'.join(place)} = {value!r}", lambda folder, c=change: going_on(folder, partial(rewritten, c)),
                          right=finite)
    for name, state in {"list": [], "none": None, "number": 3, "empty": {}}.items():
        yield Hostile(name, lambda folder, s=state: going_on(folder, lambda path: save_state(path, s)), (2,))
    for what in ("refiner", "averaged", "discriminator"):
        def poisoned(state, what=what):
            next(iter(state["run"][what].values())).fill_(float("nan"))
            return state
        yield Hostile(f"NaN in {what}", lambda folder, c=poisoned: going_on(folder, partial(rewritten, c)), (2,))

    def with_digest(path, content):
        path.write_bytes(STATE + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    def bomb():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("archive/data.pkl", bytes(600_000_000))
        return packed.getvalue()
    contents = {"nothing": bytes, "zip bomb": bomb, "pickle": lambda: b"\x80\x04K\x03.", "noise": partial(bytes, range(256))}
    for name, make in contents.items():
        yield Hostile(name, lambda folder, m=make: going_on(folder, lambda path: with_digest(path, m())), (2,))


# ---- records ----
def records_that_are_none(rng):
    """A folder of records, one line of which is changed, and the pages that are to be made of it."""
    def pages(folder, change):
        (folder / "docs").mkdir()
        (folder / "README.md").write_text("<!-- results: x -->\n<!-- /results -->\n")
        shutil.copytree(RECORDED, folder / "records")
        path = folder / "records" / "reproduce.jsonl"
        lines = path.read_bytes().splitlines()
        path.write_bytes(b"\n".join(change(lines)) + b"\n")
        return ["kit", "results", folder, "--records", folder / "records"]

    def told(folder, output):
        assert "nan" not in (folder / "docs" / "results.md").read_text(encoding="utf-8").lower()
    raw = [b"7", b'"a text of a measure"', b"null", b"[1]", b"\xff\xfe", b"{", b"[" * 100_000, b'{"run": "a"}', b"\x00", b"NaN",
           b'{"run": {}, "measure": 1}', b"9" * 5000, b'{"measure": "m"}', "\u2028".encode(), b'{"run": "x", "command": "old"}']
    for line in raw:
        yield Hostile(repr(line[:30]), lambda folder, e=line: pages(folder, lambda lines: [*lines, e]), right=told)
    values = (None, -1, 0, 1.5, 1e308, 10**400, True, "x", "\x1b[2J", [], [[]], {}, {"a": {}}, "../../x")
    columns = ("run", "seed", "subject", "measure", "value", "n", "sums", "sd", "curve", "experiment", "profile", "domain", "job",
               "days", "images", "versions", "commit", "hardware", "command", "scatter", "mean_answer_error_deg")
    for name in columns:
        for value in (values[i] for i in rng.permutation(len(values))[:3]):
            def change(lines, name=name, value=value):
                found = [json.loads(line) for line in lines]
                next(line for line in found if ("measure" in line) == (name in columns[:9]))[name] = value
                return [json.dumps(line).encode() for line in found]
            yield Hostile(f"{name}: {str(value)[:30]!r}", lambda folder, c=change: pages(folder, c), right=told)
    for name, make in PLACES.items():
        def placed(folder, make=make):
            words = pages(folder, lambda lines: lines)
            (folder / "records" / "gaze.jsonl").unlink()
            make(folder / "records" / "gaze.jsonl")
            return words
        yield Hostile(name, placed, (0,) if name == "nothing" else (2,))


# ---- downloads ----
def side_files_of_downloads(rng):
    """Kaggle's files are put there by hand; what stands beside them may be anything."""
    def beside(folder, name, write):
        (folder / "gaze.h5").write_bytes(b"\x89HDF\r\n" + bytes(100))
        path = folder / name
        path.unlink(missing_ok=True)
        write(path)
        return ["kaggle", "download", folder]
    texts = ["", "7", "null", "[]", "{", "[" * 100_000, '{"gaze.h5": 3}', '{"gaze.h5": {}}', '{"gaze.h5": {"checksum": 3}}',
             '{"gaze.h5": {"checksum": "none:1"}}', '{"gaze.h5": {"checksum": "sha256:' + "0" * 64 + '"}}', "\x1b[2J", "9" * 5000]
    for text in texts:
        yield Hostile(f"checksums.json {text[:30]!r}", lambda folder, t=text: beside(
            folder, "checksums.json", lambda path: path.write_text(t)), (2,))
    yield Hostile("checksums.json not UTF-8", lambda folder: beside(
        folder, "checksums.json", lambda path: path.write_bytes(b"\xff\xfe")), (2,))
    for name in ("gaze.h5", "checksums.json", ".gaze.h5.lock", ".gaze.h5.part"):
        for what, make in PLACES.items():
            if what != "nothing":
                yield Hostile(f"{name}: {what}", lambda folder, n=name, m=make: beside(folder, n, m), (2,))


KINDS = [settings_out_of_range, settings_that_are_odd, options_out_of_range, words_that_there_are_not, cards_of_no_refiner,
         weights_of_no_refiner, bytes_of_no_refiner, states_of_no_run, records_that_are_none, side_files_of_downloads]


@pytest.mark.parametrize("hostile", params(KINDS))
def test_it_ends_in_one_line_or_in_what_is_right(tmp_path, hostile):
    ends_well(hostile, tmp_path)


# ---- servers ----
OK, PK = b"HTTP/1.1 200 OK\r\n", b"PK\x03\x04" + bytes(96)
LENGTHS = (b"\xb2", b"-1", b"1e3", b"9" * 5000, b"101", b"10" * 8, b"", b"0")
ANSWERS = [b"", b"\r\n\r\n", b"HTTP/9.9 999 \xff\r\n\r\n", b"nothing of the kind", OK + b"\r\n",
           b"HTTP/1.1 200\r\n\r\n" + PK,
           *(OK + b"Content-Length: " + n + b"\r\n\r\n" + PK for n in LENGTHS),
           *(OK + h + b"\r\n\r\n" + PK for h in (b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Content-Encoding: x",
                                                  b"ETag: \"\xff\x00\"", b"Content-Type: \xff", b"Content-Range: bytes x/y", b": :",
                                                  b"Set-Cookie: " + b"a" * 70_000, b"\r\n".join([b"X: y"] * 200))),
           *(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + place + b"\r\n\r\n" for place in (
               b"http://[::", b"", b"file:///etc/passwd", b"\xff\xfe", b"http://", b"//", b"http://a b/", b"http://\x00/", b"/f",
               b"ftp://localhost/f", b"http://" + b"a" * 300 + b".org/", b"http://localhost:99999/", b"javascript:1", b"https://")),
           b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-99/100\r\n\r\n" + PK, b"HTTP/1.1 416 x\r\n\r\n",
           b"HTTP/1.1 204 x\r\n\r\n",
           b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + OK + b"\r\n" + PK]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: repr(answer[:60]))
def test_whatever_a_server_says_the_file_is_whole_or_one_line_says_why_not(tmp_path, answer):
    with answering(answer) as address:
        try:
            path = download(Remote("f.zip", (address,), "https://example.org"), tmp_path, bar=False, wait=0)
            assert path.read_bytes() == PK
        except UserError as error:
            assert "By hand" in str(error) or "are to come" in str(error)
            assert not Path(tmp_path / "f.zip").exists()


@contextlib.contextmanager
def answering(answer):
    """The address of a server that says the same to everybody, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(answer)
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/f"
