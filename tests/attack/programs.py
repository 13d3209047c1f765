"""Programs to be recorded: a table of hostile ones, and random small ones."""

from __future__ import annotations

import random

HOSTILE: dict[str, str] = {
    "exit code": "import sys\nprint('a')\nsys.exit(7)\n",
    "exit text": "import sys\nsys.exit('the end')\n",
    "exit none": "raise SystemExit\n",
    "exit large": "raise SystemExit(257)\n",
    "exit odd": "raise SystemExit([1, 2])\n",
    "quit": "quit()\n",
    "os._exit": "import os\nprint('a', flush=True)\nos._exit(5)\n",
    "abort": "import os\nprint('a', flush=True)\nos.abort()\n",
    "killed": "import os, signal\nprint('a', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "terminated": "import os, signal\nprint('a', flush=True)\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "segment": "import ctypes\nprint('a', flush=True)\nctypes.string_at(0)\n",
    "handled": "import os, signal\nsignal.signal(signal.SIGUSR1, lambda *a: print('got', a[0]))\n"
    "os.kill(os.getpid(), signal.SIGUSR1)\nprint('b')\n",
    "alarm": "import signal, time\ndef f(*a): raise TimeoutError('late')\nsignal.signal(signal.SIGALRM, f)\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(5)\n",
    "fork": "import os\nif os.fork() == 0:\n    print('child', flush=True)\n    os._exit(0)\nos.wait()\nprint('parent')\n",
    "fork on": "import os, sys\npid = os.fork()\nif pid == 0:\n    sys.exit(3)\nprint(os.waitpid(pid, 0)[1])\n",
    "fork many": "import os\nfor n in range(5):\n    if os.fork() == 0:\n        os._exit(n)\n    print(os.wait()[1] >> 8)\n",
    "spawn": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout)\n",
    "pool": "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n"
    "    with m.get_context('fork').Pool(2) as p: print(p.map(f, [1, 2, 3]))\n",
    "exec": "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'print(8)'])\n",
    "flood": "for n in range(30000): print(n, 'x' * 50)\n",
    "flood stderr": "import sys\nfor n in range(20000): print(n, file=sys.stderr)\n",
    "long line": "print('x' * 3_000_000)\n",
    "odd texts": r"print('\x1b[31m\0\r\b\ud7ff é 汉字 😀\u202e')" "\n",
    "surrogate": r"print('\ud800')" "\n",
    "bytes": r"import sys; sys.stdout.buffer.write(b'\xff\xfe\0'); sys.stdout.buffer.flush(); print('b')" "\n",
    "raw writes": "import os\nos.write(1, b'raw\\n')\nos.write(2, b'err\\n')\nprint('b')\n",
    "no new line": "import sys\nsys.stdout.write('a'); sys.stderr.write('b')\n",
    "close stdout": "import sys\nprint('a')\nsys.stdout.close()\n",
    "close fd": "import os\nprint('a', flush=True)\nos.close(1)\n",
    "close all": "import os\nprint('a', flush=True)\nos.closerange(3, 100)\nprint('b')\n",
    "no stdout": "import sys\nprint('a')\nsys.stdout = None\nprint('b')\n",
    "other stdout": "import sys, io\nold, sys.stdout = sys.stdout, io.StringIO()\nprint('a')\nsys.stdout = old\nprint('b')\n",
    "redirect": "import contextlib, io\nf = io.StringIO()\nwith contextlib.redirect_stdout(f): print('a')\nprint(f.getvalue())\n",
    "dup2": "import os\nprint('a', flush=True)\nos.dup2(2, 1)\nprint('b', flush=True)\n",
    "isatty": "import sys\nprint(sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.errors, sys.stdout.fileno())\n",
    "input": "print(input('name? '))\n",
    "recursion": "def f(n): return f(n + 1)\nf(0)\n",
    "deep": "import sys\nsys.setrecursionlimit(5000)\ndef f(n): return n and f(n - 1)\nprint(f(4000))\n",
    "chained": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('second') from e\n",
    "group": "raise ExceptionGroup('g', [ValueError(1), KeyError('k')])\n",
    "odd error": "class E(Exception):\n    def __str__(self): raise RuntimeError('no words')\nraise E\n",
    "note": "e = ValueError('v')\ne.add_note('a note\\nof two lines')\nraise e\n",
    "syntax": "print('never')\nx = (\n",
    "late syntax": "exec('x = (')\n",
    "interrupt": "raise KeyboardInterrupt\n",
    "generator": "def g():\n    try:\n        yield\n    finally:\n        print('closed')\nx = g(); next(x)\n",
    "del": "class A:\n    def __del__(self): print('gone')\na = A()\n",
    "atexit": "import atexit\natexit.register(print, 'bye')\nprint('a')\n",
    "atexit raises": "import atexit\natexit.register(lambda: 1 / 0)\nprint('a')\n",
    "excepthook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0\n",
    "unraisable": "class A:\n    def __del__(self): 1 / 0\nA()\nprint('b')\n",
    "thread": "import threading\nt = threading.Thread(target=print, args=['in a thread'])\nt.start(); t.join()\n",
    "thread late": "import threading, time\ndef f():\n    time.sleep(0.2)\n    print('late')\nthreading.Thread(target=f).start()\n",
    "thread raises": "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='t')\nt.start(); t.join()\nprint('b')\n",
    "daemon": "import threading, time\ndef f():\n    while True: time.sleep(0.001)\n"
    "threading.Thread(target=f, daemon=True).start()\nprint('a')\n",
    "trace": "import sys\nn = []\nsys.settrace(lambda *a: n.append(1))\ndef f(): pass\nf()\nsys.settrace(None)\nprint(len(n))\n",
    "profile": "import sys\nn = []\nsys.setprofile(lambda *a: n.append(1))\nabs(1)\nsys.setprofile(None)\nprint(bool(n))\n",
    "gc": "import gc\ngc.disable()\ngc.collect()\nprint(gc.isenabled())\n",
    "warning": "import warnings\nwarnings.warn('careful')\n",
    "strict": "import warnings\nwarnings.simplefilter('error')\nprint('a')\n",
    "main": "import sys\nprint(__name__, __file__ == sys.argv[0], sys.modules['__main__'].__dict__ is globals())\n",
    "pickle": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)\n",
    "source": "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))\n",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int' = 1\nprint(P())\n",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    print('a')\nasyncio.run(f())\n",
    "logging": "import logging\nlogging.warning('w')\n",
    "chdir": "import os\nos.chdir('/')\nprint(os.getcwd())\n",
    "clock": "import time\ntime.time = time.monotonic = time.perf_counter = lambda: 0.0\nprint('a')\n",
    "no open": "import builtins\nbuiltins.open = None\nprint('a')\n",
    "no getpid": "import os\nos.getpid = lambda: 1\nprint('a')\n",
    "no json": "import json\njson.dumps = json.loads = json.JSONEncoder = None\nprint('a')\n",
    "no sqlite": "import sqlite3\nsqlite3.connect = sqlite3.Connection = None\nprint('a')\n",
    "few files": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))\nprint('a')\n",
    "small files": "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\nprint('a')\n",
    "memory": "try:\n    x = bytearray(1 << 50)\nexcept MemoryError:\n    print('none left')\n",
    "environ": "import os\nos.environ.clear()\nprint(len(os.environ))\n",
    "path": "import sys\nsys.path.clear()\nprint('a')\n",
    "own modules": "import sys\nfor name in [n for n in sys.modules if n.startswith('gradviz.trace')]: del sys.modules[name]\n"
    "print('a')\n",
    "empty": "",
    "comment": "# nothing\n",
    "bom": "\ufeffprint('a')\n",
    "crlf": "print('a')\r\nprint('b')\r\n",
    "future": "from __future__ import annotations\ndef f(x: Nothing): print('a')\nf(1)\n",
    "star": "from math import *\nprint(pi)\n",
}
"""None of them imports torch: plain Python is what they are compared with."""

START = (
    "import torch\ntorch.manual_seed({seed})\nw = torch.randn(3, 4, requires_grad=True)\n"
    "b = torch.zeros(4, requires_grad=True)\nx = torch.randn(5, 3)\ny = x @ w + b\n"
)
LINES: tuple[str, ...] = (
    "y = y.relu()", "y = y.tanh()", "y = y * 2 - 1", "y = (y ** 2).exp().clamp(max=5)", "y = y + b", "y = y.t().t()",
    "y = torch.cat([y, y])[:5]", "y = y.reshape(4, 5).t()", "y = y * x.sum()", "y = y / (y.abs() + 1)",
    "y.sum().backward(retain_graph=True)", "y.mean().backward(retain_graph=True)",
    "y.pow(2).sum().backward(retain_graph=True, create_graph=True)", "print(torch.autograd.grad(y.sum(), w, retain_graph=True))",
    "print(w.grad)", "print(b.grad, y.shape)", "w.grad = None", "w.grad is not None and w.grad.zero_()", "b.grad = torch.ones(4)",
    "with torch.no_grad(): w -= 0.1", "with torch.no_grad(): y = y * 3", "y = y.detach().requires_grad_()",
    "y = torch.nn.functional.softmax(y, dim=1)", "w.register_hook(lambda g: g * 2)", "y.retain_grad()", "y = y.clone()",
    "def f(): return y * 2\ny = f()", "for n in range(2): y = y + n", "y = torch.nn.Linear(4, 4)(y)", "1 / 0", "w.nothing",
    "y = torch.where(y > 0, y, torch.zeros_like(y))", "y[0] = 1.0", "y.backward()", "y = y.max(dim=0, keepdim=True).values + y",
    "torch.optim.SGD([w, b], lr=0.1).step()", "y = torch.stack([y, y]).sum(0)", "print(y.sum().item())",
)  # fmt: skip


def random_program(choose: random.Random) -> str:
    """A small program on tensors. It may well raise."""
    lines = choose.choices(LINES, k=choose.randint(2, 12))
    if choose.random() < 0.8:
        lines = [line for line in lines if line not in ("1 / 0", "w.nothing", "y.backward()")]
    return START.format(seed=choose.randrange(100)) + "\n".join(lines) + "\nprint(w.grad)\n"
