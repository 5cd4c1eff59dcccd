"""The reader of pickle files: it reads what releases hold, and runs nothing."""

import collections
import os
import pickle
import struct

import numpy as np
import pytest

from simgan_lib.datasets import safe_pickle
from simgan_lib.datasets.safe_pickle import load_pickle
from simgan_lib.system.errors import UserError

HARMLESS = {
    "data": np.arange(24, dtype=np.uint8).reshape(4, 6), "big-endian": np.arange(3, dtype=">i4"), "empty": np.zeros((0, 3)),
    "columns": np.asfortranarray(np.arange(6.0).reshape(3, 2)), "point": np.array(2.5), "flags": np.array([True, False]),
    "scalar": np.float32(0.25), "names": np.array(["left", "rechts"]), "nested": [(1, 2.5, None), {"a": b"\x00\xff"}, {3, 4}],
    "text": "Ünïcode", "array": bytearray(b"xy"), "no bytes": b"", "complex": 1j, "frozen": frozenset({1}),
}


def same(a, b):
    assert isinstance(b, np.ndarray if isinstance(a, np.ndarray) else type(a)), (a, b)
    if isinstance(a, np.ndarray):
        assert a.dtype.newbyteorder("=") == b.dtype and a.shape == b.shape
    np.testing.assert_array_equal(a, np.asarray(b) if isinstance(a, np.ndarray) else b)


@pytest.fixture
def stored(tmp_path):
    """Writes bytes, or the pickle of an object, and gives the path."""
    def write(content, protocol=2):
        path = tmp_path / "record.pkl"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
        return path
    return write


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_reads_back_what_was_written(stored, protocol, encoding):
    read = load_pickle(stored(HARMLESS, protocol), encoding)
    assert list(read) == list(HARMLESS)
    for name, value in HARMLESS.items():
        if name == "nested":
            assert read[name] == value
        else:
            same(value, read[name])


PYTHON_2 = (                      # {'data': array([[1, 2], [3, 255]], uint8)} as Python 2 and its numpy write it
    b"\x80\x02}q\x01U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85q\x05U\x01bq\x06"
    b"\x87q\x07Rq\x08(K\x01K\x02K\x02\x86q\tcnumpy\ndtype\nq\nU\x02u1q\x0bK\x00K\x01\x87q\x0cRq\r(K\x03U\x01|q\x0eNNNJ"
    b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0fb\x89U\x04\x01\x02\x03\xffq\x10tq\x11bs.")


@pytest.mark.parametrize("encoding, name", [("latin1", "data"), ("bytes", b"data")])
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_pickles_of_python_2_and_of_both_numpys_are_read(stored, encoding, name, core):
    read = load_pickle(stored(PYTHON_2.replace(b"numpy.core", core)), encoding)
    same(np.array([[1, 2], [3, 255]], np.uint8), read[name])


class Calls:
    """Pickled, it calls a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def state_of(reader_object, state):
    """A pickle that sets the state of what a name stands for."""
    module, name = reader_object
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + pickle.dumps(state, 2)[2:-1] + b"b."


def array_of(code, dtype_state=(3, "|", None, None, None, -1, -1, 0), shape=(1,), content=b"\x41" * 8):
    """The commands of an array, each part as an attacker likes it."""
    def bare(value):
        return pickle.dumps(value, 2)[2:-1]
    dtype = b"cnumpy\ndtype\n" + bare((code, 0, 1)) + b"R" + bare(dtype_state) + b"b"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return b"\x80\x02" + array + b"(K\x01" + bare(shape) + dtype + b"\x89" + bare(content) + b"tb."


def malicious(sentinel):
    """{what: bytes that would make the file `sentinel`, or break the reader}."""
    shell, code = f"touch '{sentinel}'", f"open({str(sentinel)!r}, 'w').close()"
    system = Calls(os.system, shell)
    return {
        "os.system": pickle.dumps(system), "protocol 0": pickle.dumps(system, 0), "eval": pickle.dumps(Calls(eval, code)),
        "exec": pickle.dumps(Calls(exec, code)), "open": pickle.dumps(Calls(open, str(sentinel), "w")),
        "within a list within a dictionary": pickle.dumps({"data": [1, (2, [system])]}),
        "call of what a call gives": pickle.dumps(Calls(getattr, Calls(__import__, "os"), "system")),
        "argument of an array": pickle.dumps(Calls(np.ndarray, system)),
        "Python 2's names": f"c__builtin__\neval\n(V{code}\ntR.".encode(),
        "instance of protocol 0": f"(S{shell!r}\nios\nsystem\n.".encode(),
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.dump\x93\x8c\x01x" + b"\x85R.",
        "other name of numpy": b"cnumpy\nload\n" + pickle.dumps((str(sentinel),), 2)[2:-1] + b"R.",
        "persistent object": b"Psomething\n.", "extension": b"\x80\x02\x82\x01.",
        "codec": b"c_codecs\nencode\n" + pickle.dumps(("text", "zip"), 2)[2:-1] + b"R.",
        "change of the reader": state_of(("numpy.core.multiarray", "_reconstruct"), (None, {"__call__": 1})),
        "change of a type": state_of(("numpy", "dtype"), {"dtype": "O"}),
    }


@pytest.mark.parametrize("what", malicious(""))
def test_malicious_pickles_run_nothing(stored, tmp_path, what):
    sentinel = tmp_path / "sentinel"
    path = stored(malicious(sentinel)[what])
    with pytest.raises(UserError, match=r"record\.pkl: (asks for|not a readable pickle)") as caught:
        load_pickle(path)
    assert not sentinel.exists() and "\n" not in str(caught.value)


def test_these_pickles_are_malicious(tmp_path):
    for what in ("os.system", "protocol 0", "eval", "Python 2's names", "within a list within a dictionary"):
        sentinel = tmp_path / "".join(filter(str.isalnum, what))
        pickle.loads(malicious(sentinel)[what])
        assert sentinel.exists(), what


def test_the_error_names_the_file_and_the_function(stored):
    path = stored(Calls(os.system, "true"))
    with pytest.raises(UserError) as caught:
        load_pickle(path)
    assert str(path) in str(caught.value) and f"{os.system.__module__}.system" in str(caught.value)


@pytest.mark.parametrize("content", [
    array_of("O8"), array_of("u1", shape=(9,)), array_of("u1", shape=(-8,)), array_of("u1", shape=(1 << 62,)),
    array_of("V8"), array_of("u8", content=["x"]),
    array_of("V16", (3, "|", None, ("a",), {"a": ("O", 0)}, 16, 1, 27), content=b"\x41" * 16),
    array_of("u8", (3, "<", ("O", (1,)), None, None, 8, 8, 63)),
], ids=["objects", "longer", "negative", "huge", "void", "list for bytes", "fields", "subarray"])
def test_arrays_of_pointers_and_of_wrong_lengths_are_refused(stored, content):
    with pytest.raises(UserError, match="record.pkl"):
        load_pickle(stored(content))


def test_the_commands_of_these_arrays_work_if_they_are_honest(stored):
    same(np.full(8, 65, np.uint8), load_pickle(stored(array_of("u1", shape=(8,)))))


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>404</html>", b"\x80\x02", PYTHON_2[:-20], b"\x80\x63.",
                                     b"]" * 100_000 + b"a" * 99_999 + b".", b"\x80\x02" + b"r" + b"\xff" * 4 + b".",
                                     b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"."],
                         ids=["empty", "HTML", "no command", "cut", "protocol 99", "deep", "memory", "long bytes"])
def test_what_is_no_pickle_is_one_line(stored, content):
    if content.startswith(b"]]"):                       # deep, and honest: read, not overflown
        assert len(load_pickle(stored(content))) == 1
        return
    with pytest.raises(UserError, match=r"record\.pkl: not a readable pickle") as caught:
        load_pickle(stored(content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_give_a_result_or_one_line(stored, seed):
    random = np.random.default_rng(seed)
    for _ in range(60):
        damaged = bytearray(PYTHON_2)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        try:
            load_pickle(stored(bytes(damaged)))
        except UserError as error:
            assert "record.pkl" in str(error)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="could not be read"):
        load_pickle(tmp_path / "none.pkl")


def test_more_names_can_be_allowed_for_one_file(stored):
    path = stored(collections.OrderedDict(a=1))
    with pytest.raises(UserError, match="collections.OrderedDict"):
        load_pickle(path)
    assert load_pickle(path, allowed={("collections", "OrderedDict"): dict}) == {"a": 1}
    assert ("collections", "OrderedDict") not in safe_pickle.TABLE


# ---- small files that would take for ever, or all memory -------------------------------------------------------------

def bare(value):
    return pickle.dumps(value, 2)[2:-1]


def nested(depth=60):
    """The commands of a tuple of two tuples that are the same, and so on: 2 ** depth steps to hash, to print or to convert."""
    return b"\x80\x02)" + b"2\x86" * depth


def chain(depth=300_000):
    """A tuple in a tuple in a tuple ...: to hash it, C calls itself until its stack is used up."""
    return b"\x80\x02)" + b"\x85" * depth


def reduced(module, name, arguments):
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R."


ENDLESS = {
    "key of a dictionary": b"}" + nested()[2:] + b"Ns.", "keys of a dictionary": b"}(" + nested()[2:] + b"Nu.",
    "dictionary": b"(" + nested()[2:] + b"N" + b"d.", "member of a set": b"\x80\x04\x8f(" + nested()[2:] + b"\x90.",
    "frozen set": b"\x80\x04(" + nested()[2:] + b"\x91.",
    "set by its name": reduced("builtins", "set", b"]" + nested()[2:] + b"a\x85"),
    "dictionary by its name": reduced("builtins", "dict", b"](" + nested()[2:] + b"N\x86e\x85"),
    "persistent object": nested() + b"Q.", "codec": reduced("_codecs", "encode", b"X\x01\x00\x00\x00a" + nested()[2:] + b"\x86"),
    "place in an array": array_of("u1", shape=(8,))[:-1] + nested()[2:] + b"K\x01s.",
    "deep key": b"}" + chain()[2:] + b"Ns.", "deep member": b"\x80\x04\x8f(" + chain()[2:] + b"\x90.",
    "shape of a buffer": b"\x80\x02cnumpy.core.multiarray\n_frombuffer\n(" + bare(b"abc")
                         + b"cnumpy\ndtype\n" + bare(("u1", 0, 1)) + b"R" + nested()[2:] + b"U\x01CtR.",
    "shape of an array": array_of("u1")[:array_of("u1").index(b"(K\x01") + 3] + nested()[2:] + b"\x85"
                         + b"cnumpy\ndtype\n" + bare(("u1", 0, 1)) + b"R" + b"\x89" + bare(b"abc") + b"tb.",
}


@pytest.mark.parametrize("content", ENDLESS.values(), ids=ENDLESS)
def test_parts_that_share_their_parts_are_refused_at_once(stored, content):
    with pytest.raises(UserError, match=r"record\.pkl") as caught:
        load_pickle(stored(content))
    assert len(str(caught.value)) < 600


def test_parts_that_share_their_parts_are_read_where_nothing_walks_them(stored):
    assert len(load_pickle(stored(nested() + b"."))) == 2


def many_copies(n=2000, size=1 << 17):
    """One text, and n commands of five bytes that each copy it: without a bound, the square of the file."""
    text = b"\x80\x03cbuiltins\nbytes\nq\x000B" + struct.pack("<I", size)
    return text + b"a" * size + b"\x85q\x010(" + b"h\x00h\x01R" * n + b"t."


def test_commands_that_copy_one_text_again_and_again_are_refused(stored):
    assert len(load_pickle(stored(many_copies(100)))) == 100
    with pytest.raises(UserError, match="copy more than"):
        load_pickle(stored(many_copies()))


def test_room_is_taken_when_there_is_content_for_it(stored):
    import tracemalloc
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="not a readable pickle"):
            load_pickle(stored(b"\x80\x05\x96" + struct.pack("<Q", 1 << 31) + b"."))
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("key", [1, 0.5, "a", b"b", None, ("a", 1), np.float64(2.5)], ids=repr)
def test_keys_that_releases_have_are_read(stored, key):
    assert load_pickle(stored({key: 1})) == {key: 1} and load_pickle(stored({key})) == {key}
