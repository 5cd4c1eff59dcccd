"""What the tests of the book look at: a built page, as who follows its links and listens to it gets it."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data", "use": "href"}
SEEN_ELSEWHERE = "canonical", "search", "index", "next", "prev", "author", "copyright"         # links of a head, not fetched


class Page(HTMLParser):
    """anchors: names that links may end in.  links: where they lead.  fetched: what a browser asks for by itself.
    pictures: attributes of each.  headings: levels, in order.  faults: tags that open and close in a wrong order."""

    def __init__(self, text):
        super().__init__()
        self.text, self.anchors = text, set()
        self.links, self.fetched, self.pictures, self.headings, self.faults, self._open = [], [], [], [], [], []
        self.feed(text)
        self.close()
        self.faults += self._open

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        self.anchors |= {said[name] for name in ("id", "name") if said.get(name)}
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        if said.get(FETCHED.get(tag)) and not (tag == "link" and said.get("rel") in SEEN_ELSEWHERE):
            self.fetched.append(said[FETCHED[tag]])
        if tag == "img":
            self.pictures.append(said)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if self._open[-1:] == [tag]:
            self._open.pop()
        else:
            self.faults.append(f"</{tag}> inside {self._open[-2:]}")


def elsewhere(address):
    """Whether an address is one of another server."""
    return bool(urlsplit(address).netloc) or urlsplit(address).scheme in ("http", "https")


def broken(folder, name, page, pages):
    """The links and files of a page that are not there.  pages: {name below the folder: Page}."""
    found = []
    for address in [*page.links, *page.fetched]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (folder / name).parent / unquote(parts.path) if parts.path else folder / name
        target = target.resolve()
        there = target.is_file()
        if there and parts.fragment and target.suffix == ".html":
            there = unquote(parts.fragment) in pages[target.relative_to(folder).as_posix()].anchors
        if not there:
            found.append(address)
    return found


def unheard(page):
    """The pictures without a text that says what they show."""
    return [picture.get("src", "")[:60] for picture in page.pictures if not (picture.get("alt") or "").strip()]


def out_of_order(headings):
    """Whether levels are skipped, or the first level is not there exactly once and first."""
    return headings[:1] != [1] or headings.count(1) != 1 or any(b > a + 1 for a, b in zip(headings, headings[1:]))


def read(folder):
    """{name: Page} of all pages below a folder."""
    return {path.relative_to(folder).as_posix(): Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
