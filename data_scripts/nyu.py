"""NYU Hand Pose: depth pictures of hands from three cameras, with joints.

What      72,757 training and 8,252 test frames, 640x480; depth in mm is 256 G + B of a PNG
Labels    14 joints of the usual evaluation; the crop around the hand is ours
Size      92 GB to fetch, and as much again unpacked; checksum: recorded at first use, then held
Licence   see its page
Page      https://jonathantompson.github.io/NYU_Hand_Pose_Dataset.htm
Cite      Tompson, Stein, LeCun, Perlin: Real-Time Continuous Pose Recovery of Human Hands Using Convolutional Networks.
          ACM Transactions on Graphics 33 (5), 2014.
By hand   nothing; if the servers are away, put nyu_hand_dataset_v2.zip into FOLDER and give the same command
"""

from _program import Option, Release, Whole, run

PAGE = "https://jonathantompson.github.io/NYU_Hand_Pose_Dataset.htm"
URLS = ("https://cs.nyu.edu/~tompson/data/nyu_hand_dataset_v2.zip",
        "http://horatio.cs.nyu.edu/mit/tompson/nyu_hand_dataset_v2.zip")
RELEASE = Release(
    reader="nyu", about=__doc__, unpacked="NYU", size=(224, 224),
    files=(("nyu_hand_dataset_v2.zip", URLS, PAGE),),
    options=(Option("part", {"choices": ("train", "test"), "default": "test", "help": "which frames"}, to=("units",)),
             Option("views", {"type": Whole(1, 3), "nargs": "+", "default": None, "help": "cameras; all if none"},
                    to=("units",)),
             Option("rendered", {"action": "store_true", "help": "the rendered hands (synthdepth), not the real ones"},
                    to=("units",)),
             Option("centre", {"choices": ("joints", "mass"), "default": "joints",
                               "help": "of the cube: the joints' mean, or, without a look at them, the mass that is seen"})))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
