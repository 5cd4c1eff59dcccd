"""UnityEyes: rendered eyes, as many as one lets the program draw.

What      pairs N.jpg and N.json in a folder imgs; the paper used 1.2 million
Labels    gaze (pitch, yaw), pupil and iris, from the json; the crop around the eye is ours
Size      what you draw
Licence   none is stated on its page, as far as we know: research use
Page      https://www.cl.cam.ac.uk/research/rainbow/projects/unityeyes/
Cite      Wood, Baltrusaitis, Morency, Robinson, Bulling: Learning an Appearance-Based Gaze Estimator from One Million
          Synthesised Images. ETRA 2016.
By hand   all of it: fetch the program (Windows, Linux) from its page and start it; choose a window of 640x480; type the
          ranges of camera angles and of gaze; START; pictures and labels appear in its folder imgs, until it is closed
"""

from _program import Option, Release, run

RELEASE = Release(
    reader="unityeyes", about=__doc__,
    by_hand="UnityEyes is a program that you run yourself: fetch it from https://www.cl.cam.ac.uk/research/rainbow/projects/"
            "unityeyes/, start it, let it draw, and give its folder imgs to verify and convert",
    options=(Option("colour", {"action": "store_true", "help": "keep the colours; gray else"}),))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
