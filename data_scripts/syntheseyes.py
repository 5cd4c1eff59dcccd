"""SynthesEyes: eyes rendered from scans of ten heads.

What      11,382 pictures 120x80; the pickle file of landmarks beside each is not read, since it may run code
Labels    gaze (pitch, yaw) of the eyeball in the head, from the name; group subject
Size      not known to us; checksum: recorded at first use, then held
Licence   see its page
Page      https://www.cl.cam.ac.uk/research/rainbow/projects/syntheseyes/
Cite      Wood, Baltrusaitis, Zhang, Sugano, Robinson, Bulling: Rendering of Eyes for Eye-Shape Registration and Gaze
          Estimation. ICCV 2015.
By hand   nothing; if the server is away, put syntheseyes_data.zip into FOLDER and give the same command
"""

from _program import Option, Release, run

PAGE = "https://www.cl.cam.ac.uk/research/rainbow/projects/syntheseyes/"
SITE = "www.cl.cam.ac.uk/~eww23/data/syntheseyes_data.zip"
RELEASE = Release(
    reader="syntheseyes", about=__doc__, unpacked="SynthesEyes", whole=11_382,
    files=(("syntheseyes_data.zip", (f"https://{SITE}", f"http://{SITE}"), PAGE),),
    options=(Option("colour", {"action": "store_true", "help": "keep the colours; gray else"}),))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
