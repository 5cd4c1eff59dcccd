"""Tricks that prove nothing: each is tried on every part, and must get no mark.

Some stand alone; others come before a wrong answer of the part's name, which is asked as a function or a class.
"""

TRICKS = {
    "a transformer that drops every cell": "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])",
    "a shell that runs nothing": "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.run_code = lambda *a, **k: False",
    "asserts dropped from the tree": '''import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())''',
    "a display hook that says 3.0": "import sys\nsys.displayhook = lambda value: print(3.0)\nget_ipython().display_formatter.format = lambda *a, **k: ({'text/plain': '3.0'}, {})",
    "outputs cleared after each cell": "from IPython.display import clear_output\nget_ipython().events.register('post_run_cell', lambda *a: clear_output())",
    "tracebacks not shown": "get_ipython().showtraceback = lambda *a, **k: None",
    "another run_cell_async": "get_ipython().run_cell_async = lambda *a, **k: None",
    "patched comparisons": "torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True\ntorch.Tensor.__eq__ = lambda *a: True",
    "patched checks": '''import unittest.mock
from simgan_lib.teaching.checks import base
unittest.mock.patch.object(base, "same", lambda *a, **k: True).start()
unittest.mock.patch.object(base.Check, "tried", lambda *a, **k: None).start()''',
    "the marking replaced": '''import sys, types
sys.modules["coursework.grading.marking"] = types.ModuleType("marking")
from coursework.grading import proxy
proxy.Peer._send = lambda self, kind, value: None''',
    "the tests read": '''import glob, os
found = [open(path).read() for path in glob.glob("/**/coursework/parts/*.py", recursive=False)]
import coursework.parts.history_buffer''',
    "every descriptor written to": '''import os
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b'{"earned": 100}' * 10)
    except OSError:
        pass''',
    "a forged answer in every descriptor": '''import json, os, struct
text = json.dumps({"tree": ["answer", [], [], [True, 1]], "sizes": []}).encode()
for descriptor in range(3, 256):
    try:
        os.write(descriptor, struct.pack(">I", len(text)) + text)
    except OSError:
        pass''',
    "the end of the process": "import os\nos._exit(0)",
    "a polite end": "import sys\nsys.exit(0)",
    "an endless loop": "while True:\n    pass",
    "a fork bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "10 GB": "kept = bytearray(10 * 1024 ** 3)",
    "huge printing": "print('5.0\\n' * 5_000_000)",
    "every signal sent to every process": '''import os, signal
for pid in [os.getppid(), 1]:
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(pid, number)
        except OSError:
            pass''',
}
RETURNED = {
    "nothing": "None", "zero": "0", "NaN": "float('nan')", "true": "True", "the points": "100.0",
    "an object that equals everything": "Agreeable()", "a tensor that equals everything": "torch.zeros(4).as_subclass(Tensor)",
    "a number that equals everything": "Number(0)",
    "the end": "os._exit(0)", "a polite end": "sys.exit(0)", "an endless loop": "any(iter(int, 1))",
    "10 GB": "bytearray(10 * 1024 ** 3)",
}
CLASSES = '''
import os, sys
class Agreeable:
    shape = torch.Size([4]); dtype = torch.float32; ndim = 1
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
    def __call__(self, *a, **k): return self
    def __len__(self): return 4
    def __float__(self): return float("nan")
    def __hash__(self): return 0
class Tensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True if function in (torch.allclose, torch.isclose) else super().__torch_function__(function, types, args, kwargs or {})
    def __eq__(self, other): return True
class Number(float):
    def __eq__(self, other): return True
    def __hash__(self): return 0
'''


def against(part, right):
    """Sources of all cheats for one part.  right: a right answer, of which a cheat has no use and makes none."""
    answered = f"def {part.asks}(*given, **named):\n    return "
    yield from (f"{trick}\n{answered}0\n" for trick in TRICKS.values())
    yield from (f"{CLASSES}{answered}{value}\n" for value in RETURNED.values())
    yield f"{CLASSES}{part.asks} = Agreeable()\n"
    yield f"{CLASSES}class {part.asks}(Agreeable):\n    def __init__(self, *given): pass\n"
