"""MPIIGaze: eyes of 15 people at their laptops, over months.

What      213,659 recordings; used here: the normalised crops, 36x60 gray, Data/Normalized/pXX/dayYY.mat
Labels    gaze (pitch, yaw); groups subject, day and side
Size      2.1 GB to fetch, says its page; checksum: recorded at first use, then held
Licence   CC BY-NC-SA 4.0, non-commercial scientific use
Page      https://www.mpi-inf.mpg.de/mpiigaze
Cite      Zhang, Sugano, Fritz, Bulling: Appearance-Based Gaze Estimation in the Wild. CVPR 2015.
By hand   nothing; if the server is away, put MPIIGaze.tar.gz into FOLDER and give the same command
"""

from argparse import BooleanOptionalAction

from _program import Option, Release, run

SITE = "datasets.d2.mpi-inf.mpg.de/MPIIGaze/MPIIGaze.tar.gz"
RELEASE = Release(
    reader="mpiigaze", about=__doc__, unpacked="MPIIGaze",
    files=(("MPIIGaze.tar.gz", (f"https://{SITE}", f"http://{SITE}"), "https://www.mpi-inf.mpg.de/mpiigaze"),),
    options=(Option("sides", {"nargs": "+", "choices": ("left", "right"), "default": ["left", "right"], "help": "eyes to take"}),
             Option("mirror", {"action": BooleanOptionalAction, "default": True, "help": "mirror right eyes, with their gaze"}),
             Option("listed", {"default": None, "metavar": "FOLDER", "help": "only images of these lists (Evaluation Subset)"},
                    to=("units", "read_unit"))))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
