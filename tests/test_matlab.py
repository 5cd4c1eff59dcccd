"""MATLAB 5 files: read as scipy reads them, and refused where they are cut, inflate without end or claim what is not there."""

import struct
import tracemalloc
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

from simgan_lib.datasets import matlab
from simgan_lib.datasets.matlab import load_matlab
from simgan_lib.system.errors import UserError

VALUES = {
    "data": {"left": {"image": np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "gaze": np.eye(3)},
             "one": 1.5, "none": np.zeros((0, 0))},
    "filenames": np.array([["0001.jpg"], ["a"], [""]], dtype=object), "text": "straight ahead", "flags": np.array([True, False]),
    "complex": np.array([1j]), "cells": np.array([np.arange(3), "x", np.array([], dtype=object)], dtype=object),
}
NAMES = tuple(VALUES)


@pytest.fixture(params=[True, False], ids=["compressed", "plain"])
def stored(request, tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", VALUES, do_compression=request.param)
    return tmp_path / "a.mat"


@pytest.mark.parametrize("names", [NAMES, ("data",), ("flags", "none of it"), ()])
@pytest.mark.parametrize("simple", [True, False])
def test_variables_are_what_scipy_reads(stored, names, simple):
    read, expected = load_matlab(stored, names, simplify_cells=simple), scipy.io.loadmat(stored, simplify_cells=simple)
    assert set(read) == {"__header__", "__version__", "__globals__"} | set(names) & set(VALUES)
    for name in set(read) - {"__globals__"}:
        assert repr(read[name]) == repr(expected[name])


def test_files_of_the_other_byte_order_are_read(tmp_path):
    value = struct.pack(">5I", 7, 4, 0x40e00000, 0, 0)[:12] + b"\0" * 4             # single: 7.0
    variable = struct.pack(">4I", 6, 8, 7, 0) + struct.pack(">4I", 5, 8, 1, 1) + struct.pack(">HH4s", 1, 1, b"x") + value
    content = b"by hand".ljust(124) + struct.pack(">H", 0x0100) + b"MI" + struct.pack(">2I", 14, len(variable))
    (tmp_path / "a.mat").write_bytes(content.replace(struct.pack(">HH4s", 1, 1, b"x"), struct.pack(">HH4s", 1, 1, b"x")) + variable)
    assert load_matlab(tmp_path / "a.mat", ("x",))["x"].tolist() == scipy.io.loadmat(tmp_path / "a.mat")["x"].tolist() == [[7.0]]


def test_a_cut_is_found_wherever_it_is(stored):
    """Also behind the variables that are asked for."""
    whole = stored.read_bytes()
    for size in [*range(0, len(whole), 37), *range(len(whole) - 9, len(whole))]:
        stored.write_bytes(whole[:size])
        if size == 128:                # a file without variables
            continue
        with pytest.raises(UserError, match=r"a\.mat: not a readable MATLAB 5 file|a\.mat: no header"):
            load_matlab(stored, ("data",))


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bits_give_values_or_one_line(stored, seed):
    whole, random = stored.read_bytes(), np.random.default_rng(seed)
    for _ in range(60):
        damaged = bytearray(whole)
        for at in random.integers(0, len(whole), 3):
            damaged[at] ^= 1 << random.integers(8)
        stored.write_bytes(damaged)
        try:
            load_matlab(stored, NAMES, simplify_cells=True)
        except UserError as error:
            assert str(stored) in str(error) and "\n" not in str(error)


def element(kind, content):
    return struct.pack("<2I", kind, len(content)) + content.ljust(-(-len(content) // 8) * 8, b"\0")


def variable(group, dims, *parts, name=b"data"):
    """One variable of a class, as large as it says it is, and with the parts that it has."""
    head = element(6, struct.pack("<2I", group, 0)) + element(5, struct.pack(f"<{len(dims)}I", *dims)) + element(1, name)
    return element(14, head + b"".join(parts))


def file(*variables, pack=False):
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    packed = [struct.pack("<2I", 15, len(zlib.compress(one))) + zlib.compress(one) for one in variables if pack]
    return head + b"".join(packed or variables)


def nested(depth):
    inside = variable(6, (1, 1), element(9, struct.pack("<d", 1)))
    for _ in range(depth):
        inside = variable(1, (1, 1), inside, name=b"")
    return variable(1, (1, 1), inside)


HUGE = 1 << 30
CLAIMS = {
    "text": variable(4, (1, HUGE), element(16, b"")), "text of one letter": variable(4, (1, HUGE), element(16, b"a")),
    "numbers": variable(6, (HUGE, 1), element(9, struct.pack("<d", 1))), "cells": variable(1, (HUGE, 1), element(14, b"")),
    "structs": variable(2, (HUGE, 1), element(5, struct.pack("<I", 1)), element(1, b"abcdefgh")),
    "many empty cells": variable(1, (matlab.CELLS + 1, 1), element(14, b"") * (matlab.CELLS + 1)),
    "structs without fields": variable(2, (1, 1), element(5, struct.pack("<I", 0)), element(1, b"")),
    "sparse": variable(5, (HUGE, HUGE), element(5, b"1234"), element(5, b"1234"), element(9, b"12345678")),
    "function": variable(16, (1, 1), nested(0)), "opaque": variable(17, (1, 1), element(1, b"a")),
    "deep": nested(400), "beyond its end": struct.pack("<2I", 14, 1 << 31) + b"\0" * 64, "of no type": element(99, b"12345678"),
    "without dimensions": variable(4, (), element(16, b"a")), "one dimension": variable(6, (1,), element(9, b"12345678")),
    "many dimensions": variable(6, (1,) * 40, element(9, b"12345678")),
    "numbers of no type": variable(6, (1, 1), element(99, b"12345678")),
    "letters of no type": variable(4, (1, 1), element(77, b"a")),
    "half of complex": variable(6 + 0x800, (1, 1), element(9, b"12345678")),
    "text within a struct": variable(2, (1, 1), element(5, struct.pack("<I", 8)), element(1, b"left\0\0\0\0"),
                                     variable(4, (1, HUGE), element(16, b""), name=b"")),
}


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("content", CLAIMS.values(), ids=CLAIMS)
def test_what_claims_more_than_it_holds_is_refused_without_taking_room(tmp_path, content, pack):
    path = tmp_path / "a.mat"
    path.write_bytes(file(content, pack=pack))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"a\.mat: not a readable MATLAB 5 file"):
            load_matlab(path, ("data",))
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def bomb(size):
    return variable(9, (size, 1), element(2, bytes(size)))


@pytest.mark.parametrize("name", ["data", "another"])
def test_a_file_that_inflates_to_far_more_is_refused(tmp_path, name):
    path = tmp_path / "a.mat"
    path.write_bytes(file(bomb(4 * matlab.SMALL), pack=True))                       # 256 MiB in 260 kB
    assert path.stat().st_size < 1 << 19
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"a\.mat: inflates to more than"):
            load_matlab(path, (name,))
        assert tracemalloc.get_traced_memory()[1] < 2 * matlab.SMALL
    finally:
        tracemalloc.stop()


def test_many_variables_are_counted_together(tmp_path):
    (tmp_path / "a.mat").write_bytes(file(*[bomb(matlab.SMALL // 4)] * 6, pack=True))
    with pytest.raises(UserError, match="inflates to more than"):
        load_matlab(tmp_path / "a.mat", ("another",))


def test_what_inflates_within_the_bounds_is_read(tmp_path):
    (tmp_path / "a.mat").write_bytes(file(bomb(matlab.SMALL // 4), pack=True))
    assert load_matlab(tmp_path / "a.mat", ("data",))["data"].shape == (matlab.SMALL // 4, 1)


@pytest.mark.parametrize("block", [0, 512])
def test_files_of_matlab_7_3_are_told_what_to_do(tmp_path, block):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=block) as hdf:
        hdf["data"] = np.ones(3)
    if block:
        with open(tmp_path / "a.mat", "r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    with pytest.raises(UserError, match=r"a\.mat: is a file of MATLAB 7\.3 \(HDF5\), expected MATLAB 5.* -v7"):
        load_matlab(tmp_path / "a.mat", ("data",))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>" * 100, bytes(range(256)) * 8, b"\0" * 1000])
def test_what_is_no_matlab_file_is_one_line(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.mat: not a readable MATLAB 5 file") as caught:
        load_matlab(tmp_path / "a.mat", ("data",))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.mat: could not be read"):
        load_matlab(tmp_path / "none.mat", ("data",))
