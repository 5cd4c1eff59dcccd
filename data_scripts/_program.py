"""What all programs of this folder share: their commands, and how they end.

    python data_scripts/NAME.py download FOLDER          fetch and unpack what a script may fetch
    python data_scripts/NAME.py verify FOLDER            count, measure, and draw a contact sheet to look at
    python data_scripts/NAME.py convert FOLDER OUT       write the kit's image set, which `ImageSet.load` opens at once

Exit status: 0 done, 2 bad input (one line says what), 130 interrupted (the same command goes on).
"""

import argparse
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))        # the kit beside this folder, installed or not
from simgan_lib.system.errors import GOES_ON, UserError, exit_status, printable
from simgan_lib.system.settings import PROCESSES, Parser, Whole

SHEET = 32                        # images on a contact sheet
LARGEST = 1024                    # pixels of a side: more is a slip


@dataclass(frozen=True)
class Option:
    """One more word of `verify` and `convert`, which goes to the reader under its name."""

    name: str
    how: dict                     # for argparse
    to: tuple = ("read_unit",)    # the reader's functions that want it


@dataclass(frozen=True)
class Release:
    """One data set.

    reader   name of its module in simgan_lib.datasets.  about  size, licence, citation, what to do by hand: for --help.
    files    ((name, urls, page, checksum, bytes), ...) of what to fetch; unpacked: the folder that an archive becomes.
    by_hand  one line, said by `download` where there is nothing to fetch.  whole: images in all, where that is known.
    """

    reader: str
    about: str
    files: tuple = ()
    unpacked: str = ""
    by_hand: str = ""
    options: tuple = ()
    whole: int = 0
    size: tuple = field(default=(35, 55))


def run(release, argv=None):
    """The program of a release.  Returns the exit status."""
    arguments = _parser(release).parse_args(argv)
    return exit_status(lambda: arguments.run(release, arguments), **({} if arguments.run == _verify else {"stopped": GOES_ON}))


def _parser(release):
    plain = argparse.RawDescriptionHelpFormatter
    parser = Parser(description=release.about, formatter_class=plain)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("download", help="fetch and unpack it; what is there is checked", description=release.about,
                                  formatter_class=plain)
    command.add_argument("folder", help="where to put it")
    command.add_argument("--insecure", action="store_true",
                         help="ask mirrors without encryption too, though no checksum is known to tell who wrote what they send")
    command.set_defaults(run=_download)
    for name, does, work in (("verify", "count, measure, draw a contact sheet", _verify),
                             ("convert", "write the kit's image set; goes on where it was stopped", _convert)):
        command = commands.add_parser(name, help=does, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        command.add_argument("folder", help="the release, unpacked" + (", or an image set" if name == "verify" else ""))
        _reading(command, release)
        command.set_defaults(run=work, plain={name: command.get_default(name) for name in _options(release)})
        if name == "verify":
            command.add_argument("--sheet", default=f"{release.reader}_sheet.png", help="the contact sheet to write (PNG)")
        else:
            command.add_argument("out", help="folder of the image set to write; replaces what a conversion of this data set wrote "
                                             "there, and nothing else")
            command.add_argument("--skip-damaged", action="store_true", help="count damaged files, instead of stopping there")
    return parser


def _options(release):
    return [option.name for option in release.options] + (["size"] if release.size else [])


def _reading(command, release):
    if release.size:
        command.add_argument("--size", type=Whole(1, LARGEST), nargs=2, default=release.size, metavar=("HEIGHT", "WIDTH"),
                             help=f"in pixels, at most {LARGEST}")
    for option in release.options:
        command.add_argument(f"--{option.name}", dest=option.name, **option.how)
    command.add_argument("--workers", type=PROCESSES, default=None, help="processes that read; one a core if not given")


def _read_with(release, arguments):
    """(the reader's module, its units, the options of `read_unit`)."""
    from simgan_lib.datasets import reader
    module = reader(release.reader)
    of_units, options = ({o.name: getattr(arguments, o.name) for o in release.options if function in o.to}
                         for function in ("units", "read_unit"))
    if release.size:
        options["size"] = list(arguments.size)
    return module, module.units(arguments.folder, **of_units), options


def _download(release, arguments):
    from simgan_lib.datasets import reader
    from simgan_lib.datasets.tools.archives import extract
    from simgan_lib.datasets.tools.downloads import Remote, download
    folder = Path(arguments.folder)
    if not release.files:
        raise UserError(release.by_hand)
    for file in release.files:
        unpacked = folder / release.unpacked if release.unpacked else None
        if not (unpacked and unpacked.is_dir()):
            path = download(Remote(*file), folder, insecure=arguments.insecure)
            print(f"{path} is there, and is what it was when it was first seen")
            if unpacked:
                print(f"{extract(path, unpacked)} is unpacked; {path.name} may be deleted")
        if unpacked:                                        # the folder may be somebody else's, the archive of another thing
            print(f"{unpacked} is there: {len(reader(release.reader).units(unpacked)):,} pieces to read")


def _verify(release, arguments):
    from simgan_lib.datasets.tools.inspection import Inspection
    from simgan_lib.figures import to_png
    from simgan_lib.figures.contact_sheet import contact_sheet
    from simgan_lib.system.files import write_whole
    from simgan_lib.system.places import apart, checked
    checked(apart(arguments.sheet, arguments.folder))
    found = Inspection(SHEET)
    for images, skipped in _parts(release, arguments):
        found.add(images, skipped)
    for line in found.lines(release.whole):
        print(printable(line))                              # names come from files
    if not found.n:
        raise UserError(f"{arguments.folder}: none of the records there can be used")
    figure, described = contact_sheet(found.sample)
    write_whole(arguments.sheet, [to_png(figure, dpi=160)])
    print(printable(f"look at   {arguments.sheet}: {described}"))


def _parts(release, arguments):
    """(ImageSet or None, skipped) of all pieces of a release, or of an image set."""
    from tqdm.auto import tqdm

    from simgan_lib.datasets.tools.conversion import in_parallel, read_counted
    if (Path(arguments.folder) / "set.json").is_file():
        from simgan_lib.images import ImageSet
        given = [name for name, value in arguments.plain.items() if getattr(arguments, name) != value]
        if given:
            raise UserError(f"{arguments.folder}: an image set, which was converted already: {', '.join(given)} would do nothing")
        images = ImageSet.load(arguments.folder)
        return ((images[at:at + 1024], {}) for at in range(0, len(images), 1024))
    module, units, options = _read_with(release, arguments)
    read = partial(read_counted, module.read_unit, options, True)
    return tqdm(in_parallel(read, units, arguments.workers), desc="reading", total=len(units))


def _convert(release, arguments):
    from simgan_lib.datasets.base import columns, told
    from simgan_lib.datasets.tools.conversion import convert
    from simgan_lib.system.image_sets import read_about
    module, units, options = _read_with(release, arguments)
    done = convert(module, units, arguments.out, options, arguments.workers, arguments.skip_damaged)
    if done.anew:
        print(f"made anew: {done.anew}")
    if done.resumed:
        print(f"went on after {done.resumed} of {len(units)} pieces")
    print(printable(f"{done.n:,} images in {arguments.out}; skipped: {'; '.join(told(done.skipped)) or 'none'}"))
    about = read_about(arguments.out)
    print(printable(columns(about["labels"], about["groups"])))
