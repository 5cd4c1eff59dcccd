"""A local HTTP server for tests, which can be told to misbehave: one fault a request, then it behaves."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Files(dict):
    """{"/path": bytes} that are served, and how.

    faults      what the next requests meet, in turn: a status such as 503, ("drop", n): n bytes and the connection
                breaks, ("lie", n): n bytes under a length of n, ("wrong rest",): a 206 that begins elsewhere.
    ranges      whether Range is answered with 206.  tag: the ETag, or "".  kind: the Content-Type.
    lengths     whether Content-Length is told.  redirects: {path: path that it leads to}.
    asked       [(path, headers)] of all requests.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.faults, self.asked, self.ranges, self.tag, self.kind, self.lengths = [], [], True, '"v1"', "", True
        self.redirects = {}


@contextmanager
def serving(files):
    """The address of a server of these Files, which ends with the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"files": files}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    files = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        files = self.files
        files.asked.append((self.path, dict(self.headers)))
        fault = files.faults.pop(0) if files.faults else None
        if isinstance(fault, int):
            return self.send_error(fault)
        if self.path in files.redirects:
            return self._head(302, 0, {"Location": files.redirects[self.path]})
        if self.path not in files:
            return self.send_error(404)
        content, kind = files[self.path], fault[0] if fault else ""
        start = self._start(files, content)
        if start is not None and start >= len(content):
            return self._head(416, 0, {"Content-Range": f"bytes */{len(content)}"})
        rest = content[start or 0:]
        told = {"Content-Range": f"bytes {(start or 0) + (kind == 'wrong rest')}-{len(content) - 1}/{len(content)}"}
        rest = rest[:fault[1]] if kind == "lie" else rest
        self._head(200 if start is None else 206, len(rest), {} if start is None else told)
        self.wfile.write(rest[:fault[1]] if kind == "drop" else rest)
        self.close_connection = True

    def _start(self, files, content):
        """Where the wanted range begins, or None where the whole is to be sent."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range", files.tag)
        return int(wanted[1]) if wanted and files.ranges and condition == files.tag else None

    def _head(self, status, length, more):
        self.send_response(status)
        for name, value in {"ETag": self.files.tag, "Content-Type": self.files.kind, **more}.items():
            if value:
                self.send_header(name, value)
        if self.files.lengths:
            self.send_header("Content-Length", str(length))
        self.end_headers()
