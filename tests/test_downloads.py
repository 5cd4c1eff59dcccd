"""Downloads from a server that misbehaves, and from none: the right file or one clear line, never half of one."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from http_server import Files, serving

from simgan_lib.datasets.tools import downloads
from simgan_lib.datasets.tools.downloads import Remote, download
from simgan_lib.system.errors import UserError

CONTENT = b"PK" + np.random.default_rng(0).bytes(1_500_000)
OTHER = b"PK" + np.random.default_rng(1).bytes(1_500_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    files = Files({"/data.zip": CONTENT, "/mirror/data.zip": CONTENT})
    with serving(files) as address:
        files.address = address
        yield files


def remote(server, *paths, **more):
    return Remote("data.zip", tuple(server.address + path for path in paths or ["/data.zip"]), "https://example.org", **more)


def fetch(what, folder):
    return download(what, folder, bar=False, wait=0.01)


def held(folder):
    """Names of what the folder holds beside the records."""
    return sorted(name for name in os.listdir(folder) if name != "checksums.json")


def ranges(server):
    return [headers.get("Range") for _, headers in server.asked]


def test_a_file_is_fetched_and_its_checksum_recorded(server, tmp_path):
    path = fetch(remote(server), tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT and held(path.parent) == ["data.zip"]
    known = json.loads((path.parent / "checksums.json").read_text())
    assert known == {"data.zip": {"checksum": SHA256, "size": len(CONTENT)}}


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    for _ in range(2):
        fetch(remote(server), tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize("pinned", [SHA256, "md5:" + hashlib.md5(CONTENT).hexdigest()])
def test_a_pinned_checksum_is_held(server, tmp_path, pinned):
    assert fetch(remote(server, checksum=pinned, size=len(CONTENT)), tmp_path).read_bytes() == CONTENT


def test_blank_and_foreign_letters_in_paths(server, tmp_path):
    folder = tmp_path / "Daten für 実験 1"
    assert fetch(remote(server), folder).read_bytes() == CONTENT


# ---- connections that break ----
def test_a_dropped_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.faults = [("drop", 300_000), ("drop", 500_000), ("drop", 0)]
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT
    first, *rest = ranges(server)
    assert first is None and rest[0] == "bytes=300000-" and rest[1] == rest[2] == "bytes=800000-"


def test_a_server_that_drops_each_time_but_sends_something_is_patiently_asked(server, tmp_path):
    server.faults = [("drop", 100_000)] * 12
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 13 > downloads.ATTEMPTS


def test_a_server_that_ignores_ranges_is_asked_for_the_whole(server, tmp_path):
    server.ranges, server.faults = False, [("drop", 300_000), ("drop", 700_000)]
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=300000-", "bytes=700000-"]


def test_without_etag_or_date_only_a_pinned_file_is_resumed(server, tmp_path):
    """Who cannot tell two versions apart must not join their halves."""
    server.tag, server.faults = "", [("drop", 300_000)]
    assert fetch(remote(server), tmp_path / "a").read_bytes() == CONTENT
    server.faults = [("drop", 300_000)]
    assert fetch(remote(server, checksum=SHA256), tmp_path / "b").read_bytes() == CONTENT
    assert ranges(server) == [None, None, None, "bytes=300000-"]


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path):
    server.faults = [("drop", 300_000)] + [503] * downloads.ATTEMPTS
    with pytest.raises(UserError, match="503"):
        fetch(remote(server), tmp_path)
    server["/data.zip"], server.tag, server.faults = OTHER, '"v2"', []
    assert fetch(remote(server), tmp_path).read_bytes() == OTHER


def test_a_rest_of_another_version_is_not_appended(server, tmp_path):
    """A server that looks at Range but not at If-Range."""
    server.faults = [("drop", 300_000), ("wrong rest",)]
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=300000-", None]


def test_a_length_that_was_a_lie_is_found_by_the_checksum(server, tmp_path):
    server.faults = [("lie", 300_000)]
    with pytest.raises(UserError, match=f"found sha256:.*, expected {SHA256}"):
        fetch(remote(server, checksum=SHA256), tmp_path)
    assert held(tmp_path) == []
    assert fetch(remote(server, checksum=SHA256), tmp_path).read_bytes() == CONTENT


def test_an_unknown_length(server, tmp_path):
    server.lengths = False
    assert fetch(remote(server, checksum=SHA256), tmp_path).read_bytes() == CONTENT


def test_another_length_than_the_providers_is_refused_before_it_is_fetched(server, tmp_path):
    with pytest.raises(UserError, match=f"found {len(CONTENT)} bytes, expected 77"):
        fetch(remote(server, size=77), tmp_path)


def test_kill_9_in_the_middle_goes_on(server, tmp_path):
    """A real kill of a real process: the rest is fetched, and the whole is right."""
    program = """
import os, signal, sys
from simgan_lib.datasets.tools import downloads
real, count = downloads.write_all, []
def write_all(file, piece):
    real(file, piece)
    count.append(len(piece))
    if sum(count) > 600_000: os.kill(os.getpid(), signal.SIGKILL)
downloads.write_all = write_all
downloads.download(downloads.Remote("data.zip", (sys.argv[1],), "page"), sys.argv[2], bar=False)
"""
    ended = subprocess.run([sys.executable, "-c", program, server.address + "/data.zip", str(tmp_path)], timeout=120)
    assert ended.returncode == -signal.SIGKILL and not (tmp_path / "data.zip").exists()
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT and held(tmp_path) == ["data.zip"]
    assert int(ranges(server)[1][6:-1]) > 600_000


def test_killed_after_the_last_byte_and_before_the_name(server, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(downloads, "examined", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(remote(server), tmp_path)
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT and len(server.asked) == 1


# ---- servers that say no ----
@pytest.mark.parametrize("status", [403, 404, 410, 401])
def test_a_mirror_that_says_no_is_followed_by_the_next(server, tmp_path, status):
    server.faults = [status]
    assert fetch(remote(server, "/data.zip", "/mirror/data.zip"), tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/data.zip", "/mirror/data.zip"]


def test_a_mirror_that_leads_to_no_address_is_followed_by_the_next(server, tmp_path):
    server.redirects["/old.zip"] = "http://[::"
    assert fetch(remote(server, "/old.zip", "/data.zip"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("text, number", [("12", 12), ("", None), ("\u00b2", None), ("-1", None), ("1e3", None)])
def test_lengths_are_plain_numbers_or_unknown(text, number):
    assert downloads._number(text) == number


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(server, tmp_path, status):
    server.faults = [status] * (downloads.ATTEMPTS - 1)
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT


def test_no_mirror_left_says_why_and_what_to_do_by_hand(server, tmp_path):
    server.faults = [403]
    with pytest.raises(UserError) as error:
        fetch(remote(server, "/data.zip", "/nothing.zip"), tmp_path)
    message = str(error.value)
    assert "/data.zip: answered 403" in message and "/nothing.zip: answered 404" in message and "\n" not in message
    assert f"get it from https://example.org, put it at {tmp_path / 'data.zip'}" in message and held(tmp_path) == []


def test_no_server_at_all(tmp_path):
    nowhere = Remote("data.zip", ("http://127.0.0.1:9/data.zip",), "https://example.org")
    with pytest.raises(UserError, match="the connection broke .ConnectionError., 6 times.* By hand"):
        download(nowhere, tmp_path, bar=False, wait=0)


def test_a_provider_that_lets_no_script_fetch(tmp_path):
    with pytest.raises(UserError, match="lets no script fetch it.. By hand: get it from https://example.org"):
        fetch(Remote("data.zip", (), "https://example.org"), tmp_path)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/zip"])
def test_a_web_page_is_no_archive(server, tmp_path, kind):
    server["/data.zip"], server.kind = b"\n<!DOCTYPE html><html>Please log in</html>", kind
    with pytest.raises(UserError, match="found a web page, expected a file"):
        fetch(remote(server), tmp_path)
    assert held(tmp_path) == []
    server.kind = "application/zip"
    assert fetch(remote(server, "/data.zip", "/mirror/data.zip"), tmp_path).read_bytes() == CONTENT


def test_something_else_is_no_archive(server, tmp_path):
    server["/data.zip"] = b"sorry"
    with pytest.raises(UserError, match=r"found b'sorr' at its start, which no \.zip file has"):
        fetch(remote(server), tmp_path)


# ---- checksums ----
def test_a_wrong_checksum_names_both_and_leaves_nothing(server, tmp_path):
    server["/data.zip"] = OTHER
    with pytest.raises(UserError, match=f"found sha256:{hashlib.sha256(OTHER).hexdigest()}, expected {SHA256}"):
        fetch(remote(server, checksum=SHA256), tmp_path)
    assert held(tmp_path) == []
    assert fetch(remote(server, "/data.zip", "/mirror/data.zip", checksum=SHA256), tmp_path).read_bytes() == CONTENT


def test_the_first_checksum_is_held_from_then_on(server, tmp_path):
    fetch(remote(server), tmp_path).unlink()
    server["/data.zip"], server.tag = OTHER, '"v2"'
    with pytest.raises(UserError, match=f"found sha256:{hashlib.sha256(OTHER).hexdigest()}, expected {SHA256}"):
        fetch(remote(server), tmp_path)
    assert held(tmp_path) == []


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:99] + bytes([c[99] ^ 4]) + c[100:], lambda c: c + b"\0"])
def test_a_file_damaged_on_the_disk_is_named_with_both_checksums(server, tmp_path, damage):
    path = fetch(remote(server), tmp_path)
    path.write_bytes(damage(CONTENT))
    with pytest.raises(UserError, match=f"data.zip: found sha256:.*, expected {SHA256} .first seen.*: damaged"):
        fetch(remote(server), tmp_path)
    assert path.exists(), "what is not ours is not deleted"


def test_a_file_put_there_by_hand_is_taken(server, tmp_path):
    (tmp_path / "data.zip").write_bytes(CONTENT)
    assert fetch(remote(server, checksum=SHA256), tmp_path).read_bytes() == CONTENT and not server.asked
    (tmp_path / "data.zip").write_text("<html>log in</html>")
    with pytest.raises(UserError, match="data.zip: found a web page"):
        fetch(remote(server), tmp_path)


def test_damaged_records_are_named(server, tmp_path):
    for content in ("{", "[]", '{"data.zip": 3}', '{"data.zip": {}}', "[" * 100_000, '{"data.zip": {"checksum": "none:1"}}'):
        (tmp_path / "checksums.json").write_text(content)
        with pytest.raises(UserError, match=r"checksums.json: not readable .*; delete it"):
            fetch(remote(server), tmp_path)


# ---- who wrote it ----
@pytest.mark.parametrize("url, private", [("https://a.org/x", True), ("http://127.0.0.1:80/x", True), ("http://localhost/x", True),
                                          ("http://a.org/x", False), ("http://localhost.a.org/x", False), ("ftp://a.org/x", False)])
def test_what_nobody_on_the_way_can_change(url, private):
    assert downloads._private(url) == private


def test_http_alone_is_not_trusted_with_a_file_whose_checksum_nobody_knows(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "_private", lambda _: False)
    with pytest.raises(UserError, match="not taken from http, since no checksum is known .--insecure: take it"):
        fetch(remote(server), tmp_path)
    assert server.asked == [] and held(tmp_path) == []
    assert fetch(remote(server, checksum=SHA256), tmp_path / "pinned").read_bytes() == CONTENT
    fetched = download(remote(server), tmp_path, bar=False, insecure=True)
    fetched.unlink()
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT                 # recorded at first use, and held


def test_an_address_that_leads_to_http_is_not_trusted_either(server, tmp_path, monkeypatch):
    server.redirects["/old.zip"] = "/data.zip"
    monkeypatch.setattr(downloads, "_private", lambda url: "old" in url)
    with pytest.raises(UserError, match="not taken from http"):
        fetch(remote(server, "/old.zip"), tmp_path)
    assert held(tmp_path) == []


def test_no_hop_on_the_way_may_be_without_encryption(server, tmp_path, monkeypatch):
    """Who can change the answer of one hop can lead to an address of his own, encrypted."""
    server.redirects |= {"/old.zip": "/hop.zip", "/hop.zip": "/old/data.zip"}
    server["/old/data.zip"] = CONTENT
    monkeypatch.setattr(downloads, "_private", lambda url: "old" in url)
    with pytest.raises(UserError, match="not taken from http"):
        fetch(remote(server, "/old.zip"), tmp_path)
    assert held(tmp_path) == []
    assert fetch(remote(server, "/old.zip", checksum=SHA256), tmp_path).read_bytes() == CONTENT


# ---- what stands where our own files should ----
@pytest.mark.parametrize("name", ["data.zip", ".data.zip.part", ".data.zip.part.json", ".data.zip.lock", "checksums.json"])
@pytest.mark.parametrize("make", [getattr(os, "mkfifo", os.mkdir), os.mkdir, lambda path: os.symlink("/dev/zero", path)],
                         ids=["pipe", "folder", "device"])
def test_a_pipe_a_folder_or_a_device_is_told_or_replaced_and_not_waited_for(server, tmp_path, name, make):
    make(tmp_path / name)
    try:
        path = fetch(remote(server), tmp_path)
    except UserError as error:
        assert name in str(error) or "could not be written" in str(error)
    else:
        assert name == ".data.zip.part.json" and path.read_bytes() == CONTENT


@pytest.mark.parametrize("known", ["[", "7", "null", "[[[], 1]]", '{"validator": 7, "total": "x"}', '{"validator": null}',
                                   "[" * 99_999,
                                   '{"total": -5}', '{"validator": "\\"v1\\"", "total": 3}', "\xff"])
def test_what_is_kept_of_a_part_may_be_anything(server, tmp_path, known):
    """Then the part is not gone on with, or is found out by what the server says."""
    (tmp_path / ".data.zip.part").write_bytes(OTHER[:1000])
    (tmp_path / ".data.zip.part.json").write_text(known, encoding="latin-1")
    assert fetch(remote(server, checksum=SHA256), tmp_path).read_bytes() == CONTENT


def test_a_server_that_does_not_end_is_left_at_the_size_that_is_known(server, tmp_path):
    server.lengths = False
    with pytest.raises(UserError, match="sent more than the 1000 bytes that were expected"):
        fetch(remote(server, size=1000, checksum=SHA256), tmp_path)
    assert not (tmp_path / "data.zip").exists()


# ---- disks ----
def test_a_disk_that_is_too_small_is_seen_before(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(downloads.shutil, "disk_usage", lambda _: usage(1, 1, 1000))
        with pytest.raises(UserError, match="data.zip: 1.5 MB are to come, but 1 kB are free"):
            fetch(remote(server), tmp_path)
        server.lengths = False
        with pytest.raises(UserError, match="data.zip: 1.5 MB are to come, but 1 kB are free"):
            fetch(remote(server, size=len(CONTENT)), tmp_path)
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT


def test_a_disk_that_fills_up_keeps_what_has_arrived(server, tmp_path, monkeypatch):
    real, taken = downloads.write_all, []

    def full(file, piece):
        if sum(taken) > 500_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken.append(len(piece))
        real(file, piece)

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "write_all", full)
        with pytest.raises(UserError, match="could not be written .No space left on device.; what has arrived is kept"):
            fetch(remote(server), tmp_path)
    assert not (tmp_path / "data.zip").exists()
    assert fetch(remote(server), tmp_path).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={sum(taken)}-"]


def test_a_place_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("here is no folder")
    with pytest.raises(UserError, match="file/data/data.zip: could not be written"):
        fetch(remote(server), tmp_path / "file" / "data")
    assert not server.asked


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder(server, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="could not be written .Permission denied"):
            fetch(remote(server), tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_second_download_of_the_same_file_waits(server, tmp_path):
    with downloads.locked(tmp_path / ".data.zip.lock"), pytest.raises(UserError, match="another process is at work"):
        fetch(remote(server), tmp_path)
