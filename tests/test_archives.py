"""Archives that want to do harm, and archives that are damaged: one clear line, and nothing extracted."""

import gzip
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import zipfile
from collections import namedtuple

import numpy as np
import pytest

from simgan_lib.datasets.tools import archives
from simgan_lib.datasets.tools.archives import extract
from simgan_lib.system.errors import UserError

pytestmark = pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python unpacks no archives safely: too old")
NOISE = np.random.default_rng(0).bytes(200_000)
MEMBERS = {"Data/p00/day01.mat": NOISE, "Data/p00/a blank ü.txt": b"text", "readme.txt": b""}


def tar(path, members, kinds=None):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size, about.type = len(content), (kinds or {}).get(name, tarfile.REGTYPE)
            about.linkname = "/etc/passwd"
            archive.addfile(about, io.BytesIO(content))
    return path


def zipped(path, members, modes=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            about = zipfile.ZipInfo(name)
            about.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, content)
    return path


WRITERS = {"a.zip": zipped, "a.tar.gz": tar, "a.tgz": tar}


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive, match):
    """Extraction fails in one line, and leaves nothing but the archive."""
    before = set(os.listdir(archive.parent)), set(os.listdir(archive.parent.parent))
    with pytest.raises(UserError, match=match) as error:
        extract(archive, archive.parent / "out", bar=False)
    assert "\n" not in str(error.value) and str(archive) in str(error.value)
    assert (set(os.listdir(archive.parent)), set(os.listdir(archive.parent.parent))) == before


@pytest.mark.parametrize("name", WRITERS)
def test_all_files_are_extracted_once(tmp_path, name):
    archive = WRITERS[name](tmp_path / name, MEMBERS.items())
    assert content(extract(archive, tmp_path / "out", bar=False)) == MEMBERS
    (tmp_path / "out" / "readme.txt").write_text("mine now")
    assert extract(archive, tmp_path / "out", bar=False) == tmp_path / "out"
    assert (tmp_path / "out" / "readme.txt").read_text() == "mine now"
    assert sorted(os.listdir(tmp_path)) == sorted([name, "out"])


@pytest.mark.parametrize("name", WRITERS)
def test_a_single_folder_within_is_the_folder(tmp_path, name):
    archive = WRITERS[name](tmp_path / name, [(f"./MPIIGaze/{k}", v) for k, v in MEMBERS.items()])
    assert content(extract(archive, tmp_path / "out", bar=False)) == MEMBERS


def test_folders_as_members_of_their_own(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name in (".", "./Data", "Data"):
            about = tarfile.TarInfo(name)
            about.type = tarfile.DIRTYPE
            archive.addfile(about)
        archive.addfile(tarfile.TarInfo("./Data/empty.txt"))
    assert content(extract(tmp_path / "a.tar.gz", tmp_path / "out", bar=False)) == {"empty.txt": b""}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("member, why", [
    ("../evil.txt", "leads elsewhere"), ("Data/../../evil.txt", "leads elsewhere"), ("..", "leads elsewhere"),
    ("/evil/evil.txt", "absolute"), ("//evil/evil.txt", "absolute"), ("C:/evil.txt", "absolute"), ("..\\evil.txt", "elsewhere")])
def test_a_member_that_leads_out_is_refused(tmp_path, name, member, why):
    (tmp_path / "in").mkdir()
    refused(WRITERS[name](tmp_path / "in" / name, [("good.txt", b"x"), (member, b"evil")]), f"refused: its member .*{why}")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    (tmp_path / "in").mkdir()
    archive = tar(tmp_path / "in" / "a.tar.gz", [("good.txt", b"x"), ("odd", b"")], {"odd": kind})
    refused(archive, "its member 'odd' is a link or a device")


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, mode):
    (tmp_path / "in").mkdir()
    archive = zipped(tmp_path / "in" / "a.zip", [("good.txt", b"x"), ("odd", b"/etc/passwd")], {"odd": mode})
    refused(archive, "its member 'odd' is a link or a device")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_is_refused(tmp_path, name):
    (tmp_path / "in").mkdir()
    archive = WRITERS[name](tmp_path / "in" / name, [("b/a.txt", b"x"), ("./b/a.txt", b"y")])
    refused(archive, "name that occurs twice")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_bomb_is_stopped(tmp_path, monkeypatch, name):
    monkeypatch.setattr(archives, "SMALL", 1 << 20)
    (tmp_path / "in").mkdir()
    archive = WRITERS[name](tmp_path / "in" / name, [(f"{i}.bin", bytes(1 << 20)) for i in range(4)])
    refused(archive, "becomes more than 100 times the archive's .* a bomb")


@pytest.mark.parametrize("name", WRITERS)
def test_a_million_empty_files_are_a_bomb_too(tmp_path, monkeypatch, name):
    monkeypatch.setattr(archives, "SMALL", 100 * archives.MEMBER)
    archive = WRITERS[name](tmp_path / name, [(f"d/{i}", b"") for i in range(101)])
    with pytest.raises(UserError, match="a bomb"):
        extract(archive, tmp_path / "out", ratio=1, bar=False)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_that_would_fill_the_memory_is_refused(tmp_path, kind):
    """A few kilobytes of it, packed; tarfile takes a name whole."""
    archive = tar(tmp_path / "a.tar.gz", [("x", bytes(200 << 20)), ("y", b"text")], {"x": kind})
    tracemalloc.start()
    try:
        refused(archive, "damaged archive .a name of 209.7 MB")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_an_archive_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tar.gz")
    with pytest.raises(UserError, match="a.tar.gz: could not be read .found a pipe"):
        extract(tmp_path / "a.tar.gz", tmp_path / "out", bar=False)


def test_a_zip_that_claims_less_than_it_holds_is_damaged(tmp_path):
    """So its claims can be trusted: no more than that is ever written."""
    (tmp_path / "in").mkdir()
    archive = zipped(tmp_path / "in" / "a.zip", [("zeros.bin", bytes(2 << 20))])
    content = bytearray(archive.read_bytes())
    for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        content[content.index(mark) + at:content.index(mark) + at + 4] = (1000).to_bytes(4, "little")
    archive.write_bytes(content)
    refused(archive, "damaged archive .Bad CRC-32")


def test_a_python_without_the_filter_is_told(tmp_path, monkeypatch):
    monkeypatch.delattr(archives.tarfile, "data_filter")
    (tmp_path / "in").mkdir()
    refused(tar(tmp_path / "in" / "a.tar.gz", MEMBERS.items()), "this Python is too old .*3.10.12, 3.11.4 or later.*by hand")


def test_a_small_archive_may_be_well_packed(tmp_path):
    archive = zipped(tmp_path / "a.zip", [("zeros.bin", bytes(2 << 20))])
    assert archive.stat().st_size * archives.RATIO < 2 << 20
    assert content(extract(archive, tmp_path / "out", bar=False)) == {"zeros.bin": bytes(2 << 20)}


def test_more_than_the_disk_holds(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: namedtuple("usage", "free")(1000))
    refused(tar(tmp_path / "in" / "a.tar.gz", MEMBERS.items()), "becomes at least .* kB, but 1 kB are free at")
    monkeypatch.setattr(archives, "_least", lambda _: 0)               # a disk that others fill meanwhile
    refused(tar(tmp_path / "in" / "a.tar.gz", MEMBERS.items()), "becomes more than the 1 kB free")


def test_a_zip_says_itself_what_it_becomes(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    archive = zipped(tmp_path / "in" / "a.zip", [("zeros.bin", bytes(1 << 20))])
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: namedtuple("usage", "free")(100_000))
    assert archive.stat().st_size < 100_000
    refused(archive, "becomes at least 1.049 MB, but 100 kB are free at")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_without_anything_in_it(tmp_path, name):
    (tmp_path / "in").mkdir()
    refused(WRITERS[name](tmp_path / "in" / name, []), r"damaged archive \(nothing is in it\)")


def test_damage_within_a_member_is_not_laid_on_the_disk(tmp_path):
    """bz2 says OSError for bytes that make no sense, as a full disk does."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.bin", np.random.default_rng(0).bytes(50_000))
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    refused(path, "damaged archive .*; delete it and fetch it again")


def test_a_zip_whose_members_lie_elsewhere(tmp_path):
    (tmp_path / "in").mkdir()
    archive = zipped(tmp_path / "in" / "a.zip", MEMBERS.items())
    content = bytearray(archive.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 16:end + 20] = b"\xf0\xff\xff\xff"                     # where its list of members begins
    archive.write_bytes(content)
    refused(archive, "damaged archive .*; delete it and fetch it again")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.9999])
def test_a_truncated_archive_is_named(tmp_path, name, share):
    (tmp_path / "in").mkdir()
    archive = WRITERS[name](tmp_path / "in" / name, MEMBERS.items())
    os.truncate(archive, int(share * archive.stat().st_size))
    refused(archive, "damaged archive .*; delete it and fetch it again")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_flipped_bit_is_found(tmp_path, name, share):
    (tmp_path / "in").mkdir()
    archive = WRITERS[name](tmp_path / "in" / name, [("noise.bin", NOISE)])
    damaged = bytearray(archive.read_bytes())
    damaged[int(share * len(damaged))] ^= 16
    archive.write_bytes(damaged)
    refused(archive, "damaged archive")


def test_a_flip_in_the_padding_is_found_by_the_checksum_at_the_very_end(tmp_path):
    """tar stops reading at its end mark; gzip's checksum stands after it."""
    (tmp_path / "in").mkdir()
    archive = tar(tmp_path / "in" / "a.tar.gz", [("a.txt", b"x")])
    plain = gzip.decompress(archive.read_bytes())
    packed = bytearray(gzip.compress(plain))
    packed[-6] ^= 1
    archive.write_bytes(packed)
    refused(archive, "damaged archive .CRC check failed")


@pytest.mark.parametrize("name, start", [("a.zip", b"<html>"), ("a.tar.gz", b"<html>"), ("a.zip", b"\x1f\x8b"),
                                         ("a.tar.gz", b"PK\3\4")])
def test_something_else_under_that_name(tmp_path, name, start):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(start + NOISE)
    refused(tmp_path / "in" / name, "damaged archive")


def test_other_kinds_of_archives_are_not_opened(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.rar").write_bytes(NOISE)
    refused(tmp_path / "in" / "a.rar", "expected a .zip, .tar.gz or .tgz")


def test_an_encrypted_zip_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    archive = zipped(tmp_path / "in" / "a.zip", [("a.txt", b"x" * 100)])
    content = bytearray(archive.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + at] |= 1
    archive.write_bytes(content)
    refused(archive, "damaged archive .*encrypted")


def test_kill_9_in_the_middle_leaves_nothing_that_looks_whole(tmp_path):
    """A real kill after the first file; the next call begins anew and clears up."""
    archive = tar(tmp_path / "a.tar.gz", MEMBERS.items())
    program = """
import os, signal, sys
from pathlib import Path
from simgan_lib.datasets.tools import archives
real = archives._write
def write(*what):
    real(*what)
    os.kill(os.getpid(), signal.SIGKILL)
archives._write = write
archives.extract(Path(sys.argv[1]), Path(sys.argv[2]), bar=False)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(archive), str(tmp_path / "out")], timeout=60)
    assert ended.returncode == -signal.SIGKILL and sorted(os.listdir(tmp_path)) == [
        ".out.extracting", ".out.lock", "a.tar.gz"]
    assert content(extract(archive, tmp_path / "out", bar=False)) == MEMBERS
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "out"]


def test_a_place_that_cannot_be_written(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", MEMBERS.items())
    (tmp_path / "file").write_text("here is no folder")
    with pytest.raises(UserError, match="file/out: could not be written .*; nothing of it is there"):
        extract(archive, tmp_path / "file" / "out", bar=False)


def test_two_at_once_leave_a_whole_folder(tmp_path):
    """The second one waits for another time; it must not clear away what the first is writing."""
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(400):
            file.writestr(f"top/{number}.txt", "x")
    said = []

    def run():
        try:
            extract(archive, tmp_path / "out", bar=False)
        except UserError as error:
            said.append(str(error))
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((tmp_path / "out").iterdir())) == 400
    assert all("another process" in each for each in said) and {path.name for path in tmp_path.iterdir()} == {"a.zip", "out"}
