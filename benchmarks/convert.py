"""How fast is a release converted, and does its memory grow with it?

    python benchmarks/convert.py [--quick] [--json] [--images 200000 400000] [--workers 2]

Days of MPIIGaze's layout are written into a temporary folder: compressed .mat files, as the release's.  Then, on the
same files: their bytes read and no more (the disk, or its cache); the files decoded by scipy and no more, in one process
(the decoder); the conversion in one process, and in several.  Peak memory is what the conversion's processes, main and
workers, held themselves at their highest, for each number of images.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import scipy.io

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.gaze import gaze_vector
from simgan_lib.images import resized
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.release import write_day
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import MANY, PROCESSES, Parser, Whole

KIT = Path(__file__).resolve().parents[1]
A_DAY = 500                                            # images of each eye
CONVERT = """
import sys, time
sys.path.insert(0, sys.argv[4])
if __name__ == "__main__":
    from simgan_lib.datasets.tools.conversion import convert
    from simgan_lib.datasets import reader
    module = reader("mpiigaze")
    done = convert(module, module.units(sys.argv[1]), sys.argv[2], {"size": [35, 55]}, workers=int(sys.argv[3]), bar=False)
    print(done.n, done.seconds)
"""


def write_release(folder, images):
    """Days of A_DAY images of each eye in MPIIGaze's layout, all with the same crops: what they show does not matter."""
    eyes = simulate(2 * A_DAY, seed=0)
    crops, gaze = resized(eyes.images, (36, 60))[:, 0].numpy(), gaze_vector(eyes.labels["gaze"]).double().numpy()
    sides = {side: {"image": crops[at::2], "gaze": gaze[at::2], "pose": gaze[at::2]} for at, side in enumerate(("left", "right"))}
    first = None
    for day in range(images // (2 * A_DAY)):
        path = folder / "Data" / "Normalized" / f"p{day // 40:02d}" / f"day{day % 40 + 1:02d}.mat"
        first = first or write_day(path, **sides).read_bytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(first)


def files(folder):
    return sorted(folder.glob("Data/Normalized/p*/day*.mat"))


def seconds(work, folder):
    start = time.perf_counter()
    for path in files(folder):
        work(path)
    return time.perf_counter() - start


def converted(folder, workers):
    """{"seconds", "peak_bytes", "processes"} of a conversion in a process of its own, watched from here."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        program = Path(place) / "program.py"
        program.write_text(CONVERT, encoding="utf-8")
        process = subprocess.Popen([sys.executable, program, folder, Path(place) / "out", str(workers), KIT],
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        peak, processes = watched(process)
        n, took = process.stdout.read().split()
    if process.returncode or int(n) != 2 * A_DAY * len(files(folder)):
        raise SystemExit(f"the conversion failed: {n} images, exit status {process.returncode}")
    return {"seconds": float(took), "peak_bytes": peak, "processes": processes}


def watched(process):
    """(most bytes at a time, most processes at a time) of a process and its children, until it ends."""
    peak, most = 0, 0
    while process.poll() is None:
        own = [own_bytes(pid) for pid in session(process.pid)]
        peak, most = max(peak, sum(own)), max(most, len(own))
        time.sleep(0.02)
    return peak, most


def session(leader):
    """The processes of a session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(pid)) == leader:
                found.append(int(pid))
        except OSError:
            continue
    return found


def own_bytes(pid):
    """Resident memory of a process that no file backs: pages of files are the system's to drop."""
    try:
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
        return sum(int(lines.get(name, "0 kB").split()[0]) << 10 for name in ("RssAnon", "RssShmem"))
    except OSError:
        return 0


def measure(images, workers):
    """One number of images, all measurements."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "release"
        write_release(folder, images)
        disk = seconds(Path.read_bytes, folder)
        decoder = seconds(lambda path: scipy.io.loadmat(path, simplify_cells=True), folder)
        one = converted(folder, 1)
        several = converted(folder, workers)
    rates = {"read": disk, "decode": decoder, "convert": one["seconds"], "convert_parallel": several["seconds"]}
    return {"images": images, **{f"{name}_images_per_second": round(images / took) for name, took in rates.items()},
            "share_of_decoder": round(decoder / one["seconds"], 2),
            "share_of_decoder_parallel": round(decoder / several["seconds"], 2),
            "peak_mb": round(one["peak_bytes"] / 1e6, 1), "peak_mb_parallel": round(several["peak_bytes"] / 1e6, 1),
            "processes": several["processes"]}


def main():
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 and 40,000 images")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--images", type=Whole(1000, MANY), nargs="+", help="numbers of images, each a multiple of 1,000")
    parser.add_argument("--workers", type=PROCESSES, default=2)
    asked = parser.parse_args()
    rows = [measure(n, asked.workers) for n in asked.images or ((20_000, 40_000) if asked.quick else (200_000, 400_000))]
    result = {**rows[-1], "growth_of_peak": round(rows[-1]["peak_mb"] / rows[0]["peak_mb"], 3),
              "growth_of_peak_parallel": round(rows[-1]["peak_mb_parallel"] / rows[0]["peak_mb_parallel"], 3),
              "rows": rows, "size": [35, 55], "workers": asked.workers}
    if asked.json:
        print(json.dumps(result))
        return
    print(f"{'':<30}" + "".join(f"{row['images']:>14,}" for row in rows))
    for name in list(rows[0])[1:]:
        print(f"{name.replace('_', ' '):<30}" + "".join(f"{row[name]:>14,}" for row in rows))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
