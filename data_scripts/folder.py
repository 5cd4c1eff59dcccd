"""Your own pictures: a folder, and those below it, with a table of labels if you have one.

What      png, jpg, bmp, tif, webp, pgm or ppm; cut to one size
Labels    what the columns of a CSV file say, one line a picture
Size      yours
Licence   yours
By hand   put the pictures into one folder
"""

from _program import Option, Release, run

RELEASE = Release(
    reader="folder", about=__doc__, by_hand="your own pictures need no download: give their folder to verify and convert",
    options=(Option("colour", {"action": "store_true", "help": "keep the colours; gray else"}),
             Option("labels", {"default": None, "metavar": "CSV", "help": "table of labels"}, to=("units",))))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
