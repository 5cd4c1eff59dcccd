"""Downloads that cannot hurt: several mirrors, resumed, checked, whole or not there.

pooch knows checksums, and we take them from it; it neither resumes a broken download, nor has mirrors, nor keeps a
checksum that it saw first, so the rest is here, on requests.
"""

import json
import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError

from ...system.errors import UserError
from ...system.files import in_bytes, plain_file, write_all, write_whole
from ...system.places import locked, writing

PIECE = 1 << 18                   # bytes written at a time
ATTEMPTS = 6                      # in a row that bring no byte
LOCK_FILE = "checksums.json"
CHECKSUM = re.compile("sha256:[0-9a-f]{64}")
BUSY = (408, 425, 429, 500, 502, 503, 504)
WEB_PAGE = "found a web page, expected a file (does the provider want a log-in?)"
MAGIC = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".zip": b"PK", ".h5": b"\x89HDF", ".mat": (b"MATLAB", b"\x89HDF")}


@dataclass(frozen=True)
class Remote:
    """One file to fetch.

    name  of the file here.  urls  mirrors, the best first.  page  where a person finds it.
    checksum  "sha256:..." or "md5:...", if the provider's is known; else the first one seen is recorded and then held.
    size  bytes, if known.
    """

    name: str
    urls: tuple
    page: str
    checksum: str = ""
    size: int = 0


class Failed(Exception):
    """This mirror cannot give the file; the message says why."""


class Dropped(Exception):
    """The connection broke or the server is busy: worth another attempt."""


def download(remote, folder, bar=True, wait=1.0, insecure=False):
    """Fetch the file into the folder, unless it is there  ->  its path.  Called again after any end, it goes on.

    wait: seconds before the second attempt, doubled for each that follows.  Proxies: as requests finds them.
    insecure: take a file of which no checksum is known from http, too, where nobody can tell who wrote it.
    Raises UserError, with the way on by hand, if no mirror gives it; if its checksum is not the pinned or the recorded
    one (both are named); if the disk is too small or cannot be written.
    """
    folder = Path(folder)
    path, lock = folder / remote.name, folder / f".{remote.name}.lock"
    with writing(path, "what has arrived is kept: put that right and give the same command again"):
        folder.mkdir(parents=True, exist_ok=True)
        for place in (path, lock, folder / f".{remote.name}.part"):       # a pipe there would be waited for, for ever
            if os.path.lexists(place):
                plain_file(place)
        with locked(lock):
            try:
                if not path.exists():
                    _from_a_mirror(path, remote, bar, wait, insecure)
                elif wrong := examined(path, path, remote):  # put there by us or by hand
                    raise UserError(f"{path}: {wrong}: damaged, or another version; delete it, or else its line in {LOCK_FILE} "
                                    f"if it is right, and give the same command again (by hand: {remote.page})")
                _record(path)
            finally:
                with suppress(OSError):
                    lock.unlink()
    return path


# ---- checksums ----
def examined(content, path, remote):
    """What is wrong with the file `content`, which is or will be `path`, or "".  The pinned and the recorded checksum hold."""
    with open(content, "rb") as file:
        start = file.read(512)
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head")):
        return WEB_PAGE                                     # a log-in page that calls itself .zip
    if not start.startswith(MAGIC.get(path.suffix.lower(), b"")):
        return f"found {start[:4]!r} at its start, which no {path.suffix} file has"
    known = {remote.checksum: "its provider says", recorded(path): f"first seen, in {LOCK_FILE}"}
    for expected, origin in known.items():
        kind = expected.partition(":")[0]
        if expected and (found := f"{kind}:{pooch.file_hash(content, kind)}") != expected:
            return f"found {found}, expected {expected} ({origin})"
    return ""


def recorded(path):
    """The checksum that was recorded of the file when it was first seen, or ""."""
    return _lock_file(path).get(path.name, {}).get("checksum", "")


def _record(path):
    if not recorded(path):
        about = {"checksum": f"sha256:{pooch.file_hash(path, 'sha256')}", "size": path.stat().st_size}
        content = json.dumps({**_lock_file(path), path.name: about}, indent=1, sort_keys=True)
        write_whole(path.with_name(LOCK_FILE), [content.encode() + b"\n"])


def _lock_file(path):
    lock = path.with_name(LOCK_FILE)
    try:
        known = json.loads(plain_file(lock).read_text(encoding="utf-8")) if os.path.lexists(lock) else {}
        if not all(CHECKSUM.fullmatch(about["checksum"]) for about in known.values()):
            raise ValueError("an entry has no checksum")
        return known
    except (OSError, ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"{lock}: not readable ({error}); delete it to record checksums anew") from error


# ---- mirrors ----
def _from_a_mirror(path, remote, bar, wait, insecure):
    failures, vouched = [], bool(insecure or remote.checksum or recorded(path))
    for url in remote.urls:
        try:
            return _Fetch(remote, url, path, bar, wait, vouched).run()
        except Failed as failure:
            failures.append(f"{url}: {failure}")
    said = "; ".join(failures) or "its provider lets no script fetch it"
    raise UserError(f"{remote.name}: could not be fetched ({said}). By hand: get it from {remote.page}, put it at {path}, "
                    "and give the same command again")


def _private(url):
    """Whether nobody on the way can change what the address gives: encrypted, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


class _Fetch:
    """The download from one mirror into `.NAME.part`, with what is known of it in `.NAME.part.json`."""

    def __init__(self, remote, url, path, bar, wait, vouched):
        self.remote, self.url, self.path, self.bar, self.wait, self.vouched = remote, url, path, bar, wait, vouched
        self.part = path.with_name(f".{path.name}.part")
        self.about = path.with_name(f".{path.name}.part.json")

    def run(self):
        """Put the file in its place.  Raises Failed if this mirror does not give it."""
        self._trust(self.url)
        resumed = self._begun() > 0
        wrong = self._arrived()
        if wrong and resumed:                               # perhaps two versions of the file in one
            wrong = self._arrived()
        if wrong:
            raise Failed(wrong)
        os.replace(self.part, self.path)
        self.about.unlink(missing_ok=True)

    def _trust(self, url):
        if not (self.vouched or _private(url)):
            raise Failed(f"not taken from {urlsplit(url).scheme}, since no checksum is known (--insecure: take it)")

    def _arrived(self):
        """Attempt after attempt, until the file is whole; one that brought bytes counts for nothing  ->  what is wrong, or ""."""
        failed, whole = 0, False
        while not whole:
            before = self._begun()
            try:
                whole = self._attempt(before)
            except Dropped as dropped:
                failed = 1 if self._begun() > before else failed + 1
                if failed >= ATTEMPTS:
                    raise Failed(f"{dropped}, {ATTEMPTS} times") from dropped
                time.sleep(self.wait * 2 ** (failed - 1))
        wrong = examined(self.part, self.path, self.remote)
        if wrong:
            self._forget()
        return wrong

    def _attempt(self, begun):
        """Fetch all that is missing  ->  True."""
        known, headers = self._known(), {"Accept-Encoding": "identity"}     # bytes are counted: not to be packed on the way
        if begun and begun == known.get("total"):
            return True                                     # killed between its last byte and its new name
        if begun:
            headers["Range"] = f"bytes={begun}-"
            headers |= {"If-Range": known["validator"]} if known.get("validator") else {}
        try:
            with requests.get(self.url, headers=headers, stream=True, timeout=(15, 60)) as answer:
                begun, total = self._accepted(answer, begun)
                return self._take(answer, begun, total)
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            raise Dropped(f"the connection broke ({type(error).__name__})") from error
        except (requests.RequestException, ValueError) as error:            # a redirection to no address is a ValueError
            raise Failed(f"{type(error).__name__}: {error}") from error

    def _accepted(self, answer, begun):
        """(bytes that stay, bytes in all or None) of an answer that brings the file or its rest."""
        for hop in (*answer.history, answer):               # one without encryption may lead anywhere, to https too
            self._trust(hop.url)
        status, said = answer.status_code, f"answered {answer.status_code} {answer.reason}"
        if status == 416 and begun:                         # has nothing after what we have: not the same file
            self._forget()
        if status in BUSY or status == 416 and begun:
            raise Dropped(said)
        if status not in (200, 206):
            raise Failed(said)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise Failed(WEB_PAGE)
        return (begun, self._total_of_rest(answer, begun)) if status == 206 else (0, self._new(answer))

    def _total_of_rest(self, answer, begun):
        """The file's length, if this really is the rest of the same file."""
        span, _, length = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        known, total = self._known(), _number(length)
        if not (span.split("-")[0] == str(begun) and total and total == known.get("total", total)
                and known.get("validator", "") in ("", _validator(answer))):
            self._forget()
            raise Dropped("sent the rest of another file")
        return total

    def _new(self, answer):
        """Begin with an empty file, and keep what tells it from a later version; its length, or None if unknown."""
        total = _number(answer.headers.get("Content-Length", ""))
        if self.remote.size and total not in (None, self.remote.size):
            raise Failed(f"found {total} bytes, expected {self.remote.size}")
        self.part.write_bytes(b"")                          # first: never an old part with a new validator
        known = {"validator": _validator(answer), "total": total}
        write_whole(self.about, [json.dumps({k: v for k, v in known.items() if v}).encode()])
        return total

    def _take(self, answer, begun, total):
        free = shutil.disk_usage(self.path.parent).free
        to_come = (total or self.remote.size) - begun
        if to_come > free:
            raise UserError(f"{self.path}: {in_bytes(to_come)} are to come, but {in_bytes(free)} are free there")
        with (open(self.part, "ab", buffering=0) as file,
              tqdm(desc=self.path.name, total=total, initial=begun, unit="B", unit_scale=True, disable=not self.bar) as shown):
            for piece in answer.raw.stream(PIECE, decode_content=False):
                write_all(file, piece)
                shown.update(len(piece))
                if 0 < self.remote.size < file.tell():      # a server that does not end
                    raise Failed(f"sent more than the {self.remote.size} bytes that were expected")
            os.fsync(file.fileno())
            arrived = file.tell()
        if total is not None and arrived != total:          # not every server's end is an end
            raise Dropped(f"sent {arrived} of {total} bytes")
        return True

    # ---- what has arrived ----
    def _begun(self):
        """Bytes of an earlier attempt to go on with: of a file that the server can tell apart, or held by a checksum."""
        held = self._known().get("validator") or self.remote.checksum or recorded(self.path)
        return self.part.stat().st_size if held and self.part.exists() else 0

    def _known(self):
        """{"validator", "total"} of the part, as far as they are known; what does not read as such is not known."""
        try:
            known = json.loads(plain_file(self.about).read_text(encoding="utf-8"))
            return {name: known[name] for name, kind in (("validator", str), ("total", int)) if isinstance(known.get(name), kind)}
        except (OSError, ValueError, AttributeError, RecursionError):
            return {}

    def _forget(self):
        for path in (self.part, self.about):
            path.unlink(missing_ok=True)


def _validator(answer):
    """What tells this version of a file from another: a strong ETag, else its date, else ""."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _number(text):
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None
