"""A fair share of the cores for each test process, and for all that it starts, notebook kernels among them.

It stands here, above tests and notebooks, so that it holds whichever of them are run; and it imports nothing of size:
numpy and torch look at the environment once, when they are loaded.  What you have set yourself stays.
"""

import os

# Threads that wait do not spin: two processes of as many threads as cores would take each other's time several times over.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):           # threads, and the processes of joblib's pools
        os.environ.setdefault(name, str(max(1, cores // workers)))
