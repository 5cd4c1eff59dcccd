"""The Kaggle pair gaze.h5 and real_gaze.h5: UnityEyes and MPIIGaze eyes, 35x55 gray, ready to use.

What      rendered eyes (gaze.h5) and real ones (real_gaze.h5)
Size      not known to us; checksums: recorded at first use, then held
Licence   see its page, and those of MPIIGaze and UnityEyes
Page      https://www.kaggle.com/datasets/4quant/eye-gaze
Cite      MPIIGaze and UnityEyes (python data_scripts/mpiigaze.py --help, python data_scripts/unityeyes.py --help)
By hand   Kaggle wants a log-in: fetch both files from its page into FOLDER; `download` then records their checksums
"""

from _program import Option, Release, run

PAGE = "https://www.kaggle.com/datasets/4quant/eye-gaze"
RELEASE = Release(
    reader="kaggle", about=__doc__, files=(("gaze.h5", (), PAGE), ("real_gaze.h5", (), PAGE)),
    options=(Option("which", {"choices": ("synthetic", "real"), "default": "synthetic", "help": "gaze.h5 or real_gaze.h5"},
                    to=("units",)),))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
