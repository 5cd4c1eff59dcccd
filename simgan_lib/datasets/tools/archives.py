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
from contextlib import suppress
from pathlib import Path, PureWindowsPath

from tqdm.auto import tqdm

from ...system.errors import UserError
from ...system.files import in_bytes, plain_file, reading
from ...system.places import locked, writing

RATIO = 100                       # bytes that one byte of an archive may become; images and MATLAB files: below 10
SMALL = 1 << 26                   # what any archive may become
MEMBER = 512                      # bytes that a member counts as at least: a million empty files fill a disk, too
HEADERS = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
LONGEST = 1 << 20                 # bytes of such a header, which tarfile reads into memory as a whole
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, struct.error, EOFError,
          OverflowError, RuntimeError, ValueError)


def extract(archive, folder, ratio=RATIO, bar=True):
    """Unpack a .zip, .tar.gz or .tgz to `folder`, unless it stands there  ->  folder.

    If all lies in one folder within the archive, `folder` is that one.  Killed at any time, `folder` is whole or absent.
    Raises UserError for a damaged archive; for members with names that lead elsewhere or occur twice, links or devices;
    for more bytes than `ratio` times its own or than are free on the disk; if `folder` cannot be written; if this Python
    has no filter for members.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.is_dir():
        return folder
    with reading(archive, "archive"):
        plain_file(archive)
    if not hasattr(tarfile, "data_filter"):
        raise UserError(f"{archive}: not unpacked: this Python is too old to do it safely (needed: 3.10.12, 3.11.4 or later); "
                        f"unpack it by hand to {folder}")
    unfinished, lock = folder.with_name(f".{folder.name}.extracting"), folder.with_name(f".{folder.name}.lock")
    with writing(folder, "nothing of it is there"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(lock):
            try:
                if not folder.is_dir():                     # another process may have put it there meanwhile
                    _extract(archive, folder, unfinished, ratio, bar)
            except DAMAGE as error:
                raise UserError(f"{archive}: damaged archive ({error or type(error).__name__}); delete it and fetch it again"
                                ) from error
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
                with suppress(OSError):                     # Windows deletes no open file
                    lock.unlink()
    return folder


def _extract(archive, folder, unfinished, ratio, bar):
    shutil.rmtree(unfinished, ignore_errors=True)           # what a killed process left
    unfinished.mkdir()
    members = _within_bounds(archive, _readable(_members(archive)), ratio, folder.parent)
    for member, content in tqdm(members, f"extracting {archive.name}", unit=" files", disable=not bar):
        why = _objection(member, unfinished) or _write(unfinished / os.path.normpath(member.name), member, content)
        if why:
            raise UserError(f"{archive}: refused: its member {member.name!r} is {why}; nothing was extracted")
    inside = list(unfinished.iterdir())
    if not inside:
        raise tarfile.ReadError("nothing is in it")
    os.replace(inside[0] if len(inside) == 1 and inside[0].is_dir() else unfinished, folder)


def _within_bounds(archive, members, ratio, place):
    """The same members, as long as what they claim to become is allowed and fits; none becomes more than it claims."""
    size, free, least, claimed = archive.stat().st_size, shutil.disk_usage(place).free, _least(archive), 0
    if least > free:
        raise UserError(f"{archive}: becomes at least {in_bytes(least)}, but {in_bytes(free)} are free at {place}")
    for member, content in members:
        claimed += max(MEMBER, member.size)
        if claimed > max(SMALL, ratio * size):
            raise UserError(f"{archive}: refused: becomes more than {ratio} times the archive's {size} bytes: a bomb?")
        if claimed > free:
            raise UserError(f"{archive}: becomes more than the {in_bytes(free)} free at {place}")
        yield member, content


def _least(archive):
    """Bytes that it becomes at least, as far as it says so without being read."""
    if not archive.name.lower().endswith(".zip"):
        return archive.stat().st_size
    with zipfile.ZipFile(archive) as members:
        return sum(member.file_size for member in members.infolist())


def _objection(member, place):
    """What is wrong with a member that would come to lie in the folder `place`, or ""."""
    if not (member.isreg() or member.isdir()):              # the filter lets links pass that stay within
        return "a link or a device"
    try:
        judged = tarfile.data_filter(member, place)
    except tarfile.FilterError:
        return "a name that leads elsewhere"
    return "an absolute name" if judged.name != member.name or PureWindowsPath(member.name).drive else ""


def _write(path, member, content):
    """Lay the member down  ->  why that cannot be, or ""."""
    try:
        (path if member.isdir() else path.parent).mkdir(parents=True, exist_ok=True)
        if not member.isdir():
            with open(path, "xb") as file:
                file.writelines(_readable(iter(lambda: content.read(1 << 20), b"")))
    except (FileExistsError, NotADirectoryError):           # on some disks the same but for upper case, too
        return "a name that occurs twice"
    return ""


def _readable(pieces):
    """The same; what the archive's side says is OSError (bz2 does, and a jump to before its start) is damage, not our disk."""
    try:
        yield from pieces
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise tarfile.ReadError(str(error)) from error


# ---- the kinds of archives ----
def _members(archive):
    """(TarInfo, open file or None) of each member, in order."""
    name = archive.name.lower()
    if name.endswith(".zip"):
        return _zip_members(archive)
    if name.endswith((".tar.gz", ".tgz")):
        return _tar_members(archive)
    raise UserError(f"{archive}: expected a .zip, .tar.gz or .tgz")


class _Member(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, *arguments):
        member = super().frombuf(*arguments)
        if member.type in HEADERS and member.size > LONGEST:
            raise tarfile.ReadError(f"a name of {in_bytes(member.size)}")
        return member


def _tar_members(archive):
    """Read in one go; to the very end, because gzip's checksum stands there."""
    with gzip.open(archive) as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as members:
            for member in members:
                member.name = member.name.replace("\\", "/")
                yield member, members.extractfile(member) if member.isreg() else None
        while stream.read(1 << 20):
            pass


def _zip_members(archive):
    with zipfile.ZipFile(archive) as members:
        for found in members.infolist():
            member = tarfile.TarInfo(found.filename.replace("\\", "/"))
            member.size, kind = found.file_size, stat.S_IFMT(found.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                member.type = tarfile.SYMTYPE               # or a device: no plain file
            elif found.is_dir():
                member.type = tarfile.DIRTYPE
            with members.open(found) as content:
                yield member, content
