"""What all tests share: real sample images, a cluster, and patience."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure of ours.
settings.register_profile("kit", deadline=None)
settings.load_profile("kit")


@pytest.fixture(scope="session")
def samples():
    """Folder of real sample images, laid out as their releases are: MPIIGaze/, UnityEyes/, ...

    Their licences keep them out of the repository.  The variable SIMGAN_SAMPLES says where they are, else they are
    looked for in ../shared/data beside the checkout; tests that need them are skipped where there are none.
    """
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SIMGAN_SAMPLES") or beside)
    if not folder.is_dir():
        pytest.skip(f"no real sample images: {folder} does not exist (set SIMGAN_SAMPLES to their folder)")
    return folder


@pytest.fixture(scope="session")
def cluster():
    """A Dask cluster of two workers on this machine, each a process of one thread; a call may kill one of them, no more."""
    distributed = pytest.importorskip("distributed", reason="needs a cluster: pip install 'simgan-kit[cluster]'")
    import dask  # comes with it
    with (dask.config.set({"distributed.scheduler.allowed-failures": 1}),
          distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as local):
        yield local
