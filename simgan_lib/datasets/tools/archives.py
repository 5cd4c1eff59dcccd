"""Archives from the network, opened without trust: nothing outside of the folder, no links, no bombs, whole or not there."""

import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from tqdm.auto import tqdm

from ...system.errors import UserError
from ...system.files import in_bytes, locked

PIECE = 1 << 20
RATIO = 100                       # bytes that one byte of an archive may become; images and MATLAB files: below 10
SMALL = 1 << 26                   # what any archive may become


class Damaged(Exception):
    """Its bytes make no sense."""


DAMAGE = (Damaged, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OverflowError, EOFError,
          gzip.BadGzipFile, NotImplementedError, RuntimeError, UnicodeDecodeError, ValueError)


def extract(archive, folder, ratio=RATIO, bar=True):
    """Unpack a .zip, .tar.gz or .tgz to `folder`, unless it stands there  ->  folder.

    If all lies in one folder within the archive, `folder` is that one.  Killed at any time, `folder` is whole or absent.
    Raises UserError for a damaged archive; for members with "..", absolute names, links, devices or names that occur
    twice; for more bytes than `ratio` times its own or than are free on the disk; if `folder` cannot be written.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.is_dir():
        return folder
    unfinished, lock = folder.with_name(f".{folder.name}.extracting"), folder.with_name(f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(lock):
            try:
                if not folder.is_dir():                     # another process may have put it there meanwhile
                    _extract(archive, folder, unfinished, ratio, bar)
            finally:
                lock.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: could not be written ({error.strerror or error}); nothing of it is there") from error
    return folder


def _extract(archive, folder, unfinished, ratio, bar):
    try:
        shutil.rmtree(unfinished, ignore_errors=True)       # what a killed process left
        unfinished.mkdir(parents=True)
        _Extraction(archive, unfinished, ratio).run(_readable(_opener(archive)), bar)
        inside = list(unfinished.iterdir())
        if not inside:
            raise Damaged("nothing is in it")
        os.replace(inside[0] if len(inside) == 1 and inside[0].is_dir() else unfinished, folder)
    except DAMAGE as error:
        raise UserError(f"{archive}: damaged archive ({error or type(error).__name__}); delete it and fetch it again") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


class _Extraction:
    """One archive's members, each judged before it is written."""

    def __init__(self, archive, folder, ratio):
        self.archive, self.folder, self.seen, self.written = archive, folder, set(), 0
        size = archive.stat().st_size
        self.most, self.rule = max(SMALL, ratio * size), f"{ratio} times the archive's {size} bytes"
        self.free, least = shutil.disk_usage(folder).free, _least(archive)
        if least > self.free:
            raise UserError(f"{archive}: becomes at least {in_bytes(least)}, but {in_bytes(self.free)} are free at {folder.parent}")

    def run(self, members, bar):
        """members: (name, is it a folder, what else it is or "", open file) of all."""
        with tqdm(desc=f"extracting {self.archive.name}", unit=" files", disable=not bar) as shown:
            for name, is_folder, odd, content in members:
                path = self._place(name, odd)
                if not is_folder:
                    self._write(path, name, content)
                elif path in self.seen:
                    self._refuse(name, "a name that occurs twice")
                else:
                    path.mkdir(parents=True, exist_ok=True)
                shown.update()

    def _place(self, name, odd):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if odd:
            self._refuse(name, odd)
        if name.startswith(("/", "\\")) or PureWindowsPath(name).drive:
            self._refuse(name, "an absolute name")
        if ".." in parts or "\0" in name:
            self._refuse(name, "a name that leads elsewhere")
        return self.folder.joinpath(*parts)

    def _write(self, path, name, content):
        if path in self.seen or path.exists():              # `exists`: the same but for upper case, on some disks
            self._refuse(name, "a name that occurs twice")
        self.seen.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as file:
            for piece in _readable(iter(lambda: content.read(PIECE), b"")):
                self.written += len(piece)
                if self.written > self.most:
                    raise UserError(f"{self.archive}: refused: becomes more than {self.rule}: a bomb?")
                if self.written > self.free:
                    raise UserError(f"{self.archive}: becomes more than the {in_bytes(self.free)} free at {self.folder.parent}")
                file.write(piece)

    def _refuse(self, name, why):
        raise UserError(f"{self.archive}: refused: its member {name!r} is {why}; nothing was extracted")


def _readable(pieces):
    """The same; what the archive's side says is OSError (bz2 does, and a jump to before its start) is damage, not our disk."""
    try:
        yield from pieces
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise Damaged(error) from error


def _opener(archive):
    name = archive.name.lower()
    if name.endswith(".zip"):
        return _zip_members(archive)
    if name.endswith((".tar.gz", ".tgz")):
        return _tar_members(archive)
    raise UserError(f"{archive}: expected a .zip, .tar.gz or .tgz")


def _least(archive):
    """Bytes that it becomes at least, as far as it says so without being read."""
    if not archive.name.lower().endswith(".zip"):
        return archive.stat().st_size
    with zipfile.ZipFile(archive) as members:
        return sum(member.file_size for member in members.infolist())


def _tar_members(archive):
    """Read in one go; to the very end, because gzip's checksum stands there."""
    with gzip.open(archive) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as members:
            for member in members:
                plain = member.isfile() or member.isdir()
                content = members.extractfile(member) if member.isfile() else None
                yield member.name, member.isdir(), "" if plain else "a link or a device", content
        while stream.read(PIECE):
            pass


def _zip_members(archive):
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            odd = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "a link or a device"
            if member.is_dir() or odd:
                yield member.filename, True, odd, None
            else:
                with members.open(member) as content:
                    yield member.filename, False, "", content
