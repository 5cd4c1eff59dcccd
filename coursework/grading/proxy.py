"""A callable here whose code is in the other process.

`Peer` is one end of the pipe between grader and student; both ends work alike.  What is no plain value stays where it
is, and the other side gets a `Remote` that forwards each call.  So the checks of the kit run unmodified in the grader's
process, and a hidden buffer that a student's test is given never leaves it.

Tensors, arrays and generators are twins: one copy on each side.  What one side changes in place is told to the other
with the next message, so that "changes its argument" and "stores no copy" are seen as in one process.  Gradients pass
through a call, too.
"""

import collections
import itertools
import operator
import types
import weakref
import zlib

import numpy as np
import torch

from . import wire
from .wire import Lost, WireError

HELD = 100               # values of a student's last calls that are kept, so that what the student does to them later is seen
SPECIAL = {"len": len, "bool": bool, "float": float, "list": lambda value: list(itertools.islice(value, 10_000)),
           "getitem": operator.getitem, "contains": operator.contains}
RAISED = {error.__name__: error for error in (
    ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, NotImplementedError, AssertionError, NameError,
    ZeroDivisionError, OverflowError, MemoryError, RecursionError, ImportError, ModuleNotFoundError, OSError)}


class Twins:
    """Tensors, arrays and generators that both sides hold, by name.

    weak: forget those that nobody here holds any more, and say so.  The grader's are weak; the student's follow.
    """

    KINDS = torch.Tensor, np.ndarray, torch.Generator

    def __init__(self, side, weak):
        self.side, self.weak, self.count, self.known, self.names = side, weak, itertools.count(), {}, {}

    def add(self, value, name=None):
        """Returns the name."""
        name = name or f"{self.side}{next(self.count)}"
        reference = weakref.ref(value) if self.weak else lambda: value
        self.known[name], self.names[id(value)] = [reference, id(value), signature(value)], name
        return name

    def name_of(self, value):
        """Its name, or None."""
        name = self.names.get(id(value))
        return name if name in self.known and self.known[name][0]() is value else None

    def dead(self):
        """Forgets what nobody here holds  ->  its names."""
        gone = [name for name, (reference, _, _) in self.known.items() if reference() is None]
        self.forget(gone)
        return gone

    def forget(self, names):
        for name in names:
            if name in self.known and self.names.get(self.known[name][1]) == name:
                del self.names[self.known[name][1]]
            self.known.pop(name, None)

    def changes(self, blobs):
        """[[name, content]] of those that have changed since they were last told."""
        told = []
        for name, kept in self.known.items():
            value = kept[0]()
            if value is not None and (now := signature(value)) != kept[2]:
                kept[2] = now
                told.append([name, content(value, blobs)])
        return told

    def apply(self, changes, blobs, allowed):
        """Do here what was done there, to the names that are allowed."""
        for name, body in changes:
            value = self.known[name][0]() if name in self.known and allowed(name) else None
            if value is not None:
                overwrite(value, body, blobs)
                self.known[name][2] = signature(value)


def signature(value):
    """Another one after each change."""
    if isinstance(value, torch.Generator):
        return zlib.crc32(value.get_state().numpy())
    if isinstance(value, torch.Tensor):
        if value.requires_grad and not value.is_leaf:
            return None                                    # a result: changed in place, it would break its graph
        value = wire.pure(value)
        return tuple(value.shape), zlib.crc32(wire.raw(value))
    return value.shape, zlib.crc32(np.ascontiguousarray(value).reshape(-1).view(np.uint8)) if value.size else 0


def content(value, blobs):
    """What a twin is made of, for the wire."""
    if isinstance(value, torch.Generator):
        return {"state": wire.numbers(value.get_state(), blobs)}
    return {"numbers": wire.numbers(value, blobs), "grad": isinstance(value, torch.Tensor) and bool(value.requires_grad)}


def made(body, blobs):
    """A twin from its content."""
    if "state" in body:
        generator = torch.Generator()
        generator.set_state(wire.from_numbers(body["state"], blobs))
        return generator
    return wire.from_numbers(body["numbers"], blobs)


def overwrite(value, body, blobs):
    """Give a twin its new content, in place."""
    new = made(body, blobs)
    if isinstance(value, torch.Generator):
        value.set_state(new.get_state())
    elif isinstance(value, torch.Tensor):
        with torch.no_grad():
            if value.shape == new.shape:
                value.copy_(new)
            else:
                value.data = new.to(value.dtype)
    else:
        np.copyto(value, new, casting="unsafe")


class Peer:
    """One end.  side: "grader" or "student".  receive, send: file descriptors of the pipe.

    The grader's end is strict: it lets public names be used alone, of what it has handed out, takes changes only of what the
    call at hand was given or the student made, and tells no name of a class.
    """

    def __init__(self, receive, send, side, verbs=None):
        self.pipe, self.side, self.strict, self.depth, self.broken = (receive, send), side, side == "grader", 0, False
        self.verbs = {"call": self._call, "method": self._method, "get": self._get, "special": self._special,
                      "gradients": self._gradients} | (verbs or {})
        self.clear()

    def clear(self):
        """Forget everything that was handed out."""
        self.objects, self.handles, self.count = {}, {}, itertools.count()
        self.remotes, self.gone = weakref.WeakValueDictionary(), []
        self.inputs, self.fresh, self.graphs, self.held = [], set(), [], collections.deque(maxlen=HELD)
        self.twins = Twins(self.side[0], weak=self.strict)

    # ---- messages ----
    def ask(self, verb, *values):
        """What the other side answers.  Raises what it raised, Lost if it is gone, WireError for nonsense."""
        before = self.inputs, self.fresh
        self.inputs, self.fresh = _with_gradients(values), set()
        self.depth += 1
        try:
            self._send("ask", [verb, *values])
            while (message := self._receive())[0] == "ask":
                self.answer(message[1])
        finally:
            self.depth -= 1
            self.inputs, self.fresh = before
            if not self.depth:
                self.held.clear()
        if message[0] == "error":
            raise _error(*message[1])
        return message[1]

    def answer(self, asked):
        """Do what the other side asks, and send the result or the error."""
        try:
            verb, *values = asked
            self.depth += 1
            if self.depth > 100 or verb not in self.verbs:
                raise WireError("nothing that can be asked")
            result = self.verbs[verb](*values)
            if self.strict:
                self.held.append([values, result])
                self.graphs += _with_gradients([values, result])
            self._send("answer", result)
        except Lost:
            raise
        except BaseException as error:                      # a student's SystemExit is an answer; the grader's own goes on up
            if self.strict and not isinstance(error, Exception):
                raise
            self._send("error", [type(error).__name__, str(error)[:2000]])
        finally:
            self.depth -= 1

    def serve(self):
        """Answer until the other side is gone."""
        while True:
            self.answer(self._receive()[1])

    def _send(self, kind, value):
        blobs = []
        dead = [*(self.twins.dead() if self.strict else []), *self.gone]
        self.gone.clear()
        changes = self.twins.changes(blobs)
        tree = wire.encode(value, blobs, self._refer)
        wire.write_frame(self.pipe[1], [kind, changes, dead, tree], blobs)

    def _receive(self):
        try:
            return self._message(*wire.read_frame(self.pipe[0]))
        except WireError:
            self.broken = True
            raise

    def _message(self, tree, blobs):
        try:
            kind, changes, dead, body = tree
            self._drop(dead)
            self.twins.apply(changes, blobs, lambda name: not self.strict or name[:1] == "s" or name in self.fresh)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError) as error:
            raise WireError(f"no message ({error})") from error
        return kind, wire.decode(body, blobs, self._resolve)

    def _drop(self, names):
        """Forget what the other side holds no more; the names of twins are dropped by the grader alone."""
        if not self.strict:
            self.twins.forget(names)
        for name in names:
            if name in self.objects:
                del self.handles[id(self.objects.pop(name))]

    # ---- what has no form of its own ----
    def _refer(self, value, blobs):
        if isinstance(value, Remote):
            return {"yours": value._name}
        if isinstance(value, type) and issubclass(value, Remote):
            return {"yours": value._name}
        if isinstance(value, Twins.KINDS) and (not isinstance(value, np.ndarray) or value.dtype.kind in "fiubc"):
            name = self.twins.name_of(value)
            if name:
                self.fresh.add(name)
                return {"twin": name}
            body = content(value, blobs)
            name = self.twins.add(value)
            self.fresh.add(name)
            return {"new": [name, body]}
        if isinstance(value, types.ModuleType):
            raise WireError("a module is not handed over")
        name = self.handles.get(id(value))
        if name is None:
            name = f"{self.side[0]}o{next(self.count)}"
            self.objects[name], self.handles[id(value)] = value, name
        kind = "class" if isinstance(value, type) else "object"
        methods = [] if kind == "class" else _methods(type(value))
        called = getattr(value, "__name__", None) or type(value).__name__
        return {"object": [name, kind, "Given" if self.strict else str(called)[:100], methods]}

    def _resolve(self, tree, blobs):
        (kind, body), = tree.items()
        if kind == "yours":
            return self.objects[body]
        if kind == "twin":
            value = self.twins.known[body][0]()
            if value is None:
                raise WireError("a value that is gone")
            return value
        if kind == "new":
            return self._twin(*body, blobs)
        name, what, called, methods = body if kind == "object" else [None] * 4
        if not isinstance(name, str) or not isinstance(called, str):
            raise WireError("no value")
        remote = self.remotes.get(name)
        if name in self.gone:
            self.gone.remove(name)
        if remote is None:
            remote = _remote_class(self, name, called) if what == "class" else Remote._at(self, name, called, methods)
            self.remotes[name] = remote
            weakref.finalize(remote, self.gone.append, name).atexit = False
        return remote

    def _twin(self, name, body, blobs):
        if not isinstance(name, str) or name[:1] == self.side[0] or name in self.twins.known:
            raise WireError("a name that is taken")
        value = made(body, blobs)
        grad = body.get("grad") is True and (value.is_floating_point() or value.is_complex())
        if grad and not self.inputs:
            value.requires_grad_()
        self.twins.add(value, name)
        if self.strict:
            self.held.append(value) if self.depth else None
        return Bridge.apply(self, value, len(self.inputs), *self.inputs) if grad and self.inputs else value

    # ---- what can be asked ----
    def _mine(self, value, name="public"):
        if id(value) not in self.handles:
            raise WireError("nothing that was handed out")
        if not isinstance(name, str) or name.startswith("_"):
            raise AttributeError(f"no public name: {name}")
        return value

    def _call(self, thing, values, named):
        return self._mine(thing)(*values, **named)

    def _method(self, thing, name, values, named):
        return getattr(self._mine(thing, name), name)(*values, **named)

    def _get(self, thing, name):
        return getattr(self._mine(thing, name), name)

    def _special(self, name, thing, *values):
        return SPECIAL[name](self._mine(thing), *values)

    def _gradients(self, result, inputs, weights):
        return list(torch.autograd.grad(result, inputs, weights, retain_graph=True, allow_unused=True))


class Bridge(torch.autograd.Function):
    """A result of the other side, in this side's graph: its gradients are asked for there."""

    @staticmethod
    def forward(ctx, peer, result, n, *inputs):
        ctx.peer, ctx.result, ctx.inputs = peer, result, inputs
        return result.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, weights):
        found = ctx.peer.ask("gradients", ctx.result, list(ctx.inputs), weights.detach().clone())
        for gradient, value in zip(found, ctx.inputs):
            if gradient is not None and (not isinstance(gradient, torch.Tensor) or gradient.shape != value.shape):
                raise RuntimeError("no gradients came back")
        return None, None, None, *found


class Remote:
    """Something of the other side: calls, methods, public attributes, length, items and truth are asked for there."""

    @classmethod
    def _at(cls, peer, name, called, methods):
        remote = object.__new__(cls)
        remote.__dict__.update(_peer=peer, _name=name, __name__=called, _own=frozenset(map(str, methods or ())))
        return remote

    def __call__(self, *values, **named):
        return self._peer.ask("call", self, list(values), named)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._own:
            return lambda *values, **named: self._peer.ask("method", self, name, list(values), named)
        return self._peer.ask("get", self, name)

    def __len__(self):
        return self._peer.ask("special", "len", self)

    def __bool__(self):
        return bool(self._peer.ask("special", "bool", self))

    def __float__(self):
        return self._peer.ask("special", "float", self)

    def __iter__(self):
        return iter(self._peer.ask("special", "list", self))

    def __getitem__(self, place):
        return self._peer.ask("special", "getitem", self, place)

    def __contains__(self, value):
        return bool(self._peer.ask("special", "contains", self, value))

    def __repr__(self):
        return f"<{self.__name__}>"


def _remote_class(peer, name, called):
    """A class here whose instances are made there."""
    def new(cls, *values, **named):
        return peer.ask("call", cls, list(values), named)
    return type(called if called.isidentifier() else "Remote", (Remote,), {"_peer": peer, "_name": name, "__new__": new})


def _methods(kind):
    return [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name, None))]


def _flat(values):
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        elif isinstance(value, dict):
            yield from _flat(value.values())
        else:
            yield value


def _with_gradients(values):
    return [value for value in _flat(values) if isinstance(value, torch.Tensor) and value.requires_grad]


def _error(name, text):
    """An error like that of the other side: of its class if that is a common one, else of its name."""
    name = name if isinstance(name, str) and name.isidentifier() else "Error"
    return RAISED.get(name, type(name, (RuntimeError,), {}))(str(text)[:2000])
