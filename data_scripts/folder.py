"""Your own pictures: a folder, and those below it, with a table of labels if you have one.

What      png, jpg, bmp, tif, webp, pgm or ppm, of at most 33 million pixels; turned upright as their EXIF data say; cut to
          one size.  Linked folders are read, hidden files are not; what is no picture is counted.  Left out and counted, too:
          what can be seen through, and 16 bits of which a camera used 12 (scale it first; 10 or 14 cannot be told from dark)
Labels    what the columns of a CSV file say, one line a picture:
            file                    the picture's name below the folder, such as anna/0001.jpg
            pitch_deg, yaw_deg      the gaze in degrees, pitch -90 to 90, up is positive, yaw -180 to 180, to the picture's
                                    left is positive; or, in their place,
            gaze_x, gaze_y, gaze_z  the gaze as a vector of any length: x to the right, y down, z away from the camera
            any other column        a group, to split by: a name for each picture, such as subject or day; one that is nearly
                                    called as a label is (Gaze, yaw, pupil x) is refused
          Only `file` must be there.  Pictures that the table does not name are left out.
Size      yours
Licence   yours
By hand   put the pictures into one folder
"""

from _program import Option, Release, run

RELEASE = Release(
    reader="folder", about=__doc__, by_hand="your own pictures need no download: give their folder to verify and convert",
    options=(Option("colour", {"action": "store_true", "help": "keep the colours; gray else"}),
             Option("labels", {"default": None, "metavar": "CSV", "help": "table of labels; its columns: folder.py --help"},
                    to=("units",))))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
