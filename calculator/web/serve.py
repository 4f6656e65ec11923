"""Serve the built site as GitHub Pages would: under the project's prefix, gzipped, `max-age=600`, no custom headers.

Used by `make serve`, by the browser tests and by the benchmark. Native only, standard library only.
"""

import argparse
import gzip
import hashlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

TYPES: Mapping[str, str] = tomllib.loads(Path(__file__).with_name("serve.toml").read_text("utf-8"))
"""What a file is, by the end of its name."""

HIGHEST_PORT = 65_535
COMPRESSED = {".gz", ".png", ".woff2", ".zip"}


@dataclass(frozen=True, kw_only=True)
class Body:
    """One file as it goes over the wire."""

    content: bytes
    gzipped: bytes
    etag: str


class Site:
    """The files of one built site, read and compressed once per version of a file.

    `address` stands for the site's own address in `sitemap.xml`, so that Material's instant navigation, which compares
    the two, works on any port.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.published = published_address(self.root)
        self.prefix = urlsplit(self.published).path or "/"
        self.address = self.published
        self._bodies: dict[tuple[Path, int, int], Body] = {}

    def find(self, path: str) -> Path | None:
        """The file for a request path inside the prefix; None when there is none or it would leave the site."""
        try:
            found = (self.root / unquote(path).lstrip("/")).resolve()
            if not found.is_relative_to(self.root):
                return None
            if found.is_dir():
                found /= "index.html"
            return found if found.is_file() else None
        except (OSError, ValueError):  # no file can have such a name
            return None

    def body(self, path: Path) -> Body:
        """The file's bytes, plain and gzipped."""
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size)
        if key not in self._bodies:
            content = path.read_bytes()
            if path.name == "sitemap.xml":
                content = content.replace(self.published.encode(), self.address.encode())
            self._bodies[key] = _body(content, compressed=path.suffix in COMPRESSED)
        return self._bodies[key]


@lru_cache(maxsize=512)
def _body(content: bytes, *, compressed: bool) -> Body:
    """Once for the same bytes, of whatever file and server: tests serve one site by hundreds of them."""
    return Body(
        content=content,
        gzipped=b"" if compressed else gzip.compress(content, 6, mtime=0),
        etag=f'"{hashlib.sha256(content).hexdigest()[:20]}"',
    )


def published_address(root: Path) -> str:
    """The address the site was built for, from its sitemap; raises FileNotFoundError when nothing was built."""
    sitemap = (root / "sitemap.xml").read_text("utf-8")
    addresses = [part.split("</loc>")[0] for part in sitemap.split("<loc>")[1:]]
    return min(addresses, key=len)


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD, nothing else."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    site: Site
    quiet = True

    def do_GET(self) -> None:
        """Answer with the file, a redirect to the folder, or the site's own 404 page."""
        path = urlsplit(self.path).path
        prefix = self.site.prefix
        if path == prefix.rstrip("/") or (path == "/" and prefix != "/"):
            self._redirect(prefix)
            return
        found = self.site.find(path[len(prefix) :]) if path.startswith(prefix) else None
        if found is None:
            missing = self.site.root / "404.html"
            self._send(HTTPStatus.NOT_FOUND, missing if missing.is_file() else None)
        elif found.name == "index.html" and not path.endswith(("/", "/index.html")):
            self._redirect(path + "/")
        else:
            self._send(HTTPStatus.OK, found)

    do_HEAD = do_GET  # noqa: N815

    def _redirect(self, target: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: HTTPStatus, path: Path | None) -> None:
        body = self.site.body(path) if path else Body(content=b"not found\n", gzipped=b"", etag='""')
        if status is HTTPStatus.OK and self.headers.get("If-None-Match") == body.etag:
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.send_header("ETag", body.etag)
            self.send_header("Cache-Control", "max-age=600")
            self.end_headers()
            return
        zipped = bool(body.gzipped) and "gzip" in self.headers.get("Accept-Encoding", "")
        content = body.gzipped if zipped else body.content
        self.send_response(status)
        self.send_header("Content-Type", TYPES.get(path.suffix if path else ".txt", "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("ETag", body.etag)
        self.send_header("Vary", "Accept-Encoding")
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of a request that went well."""
        if not self.quiet:
            super().log_message(format, *args)


class Server(ThreadingHTTPServer):
    """One thread per connection; a browser that goes away in mid-answer is no error."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Report everything but a closed connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def listen(root: Path, port: int = 0, tries: int = 1) -> tuple[Server, str]:
    """A server that is bound and not yet running, and its address. Port 0 takes any free one; raises OSError."""
    site = Site(root)
    handler = type("SiteHandler", (Handler,), {"site": site})
    tries = min(tries, HIGHEST_PORT + 1 - port)
    for candidate in range(port, port + tries):
        try:
            server = Server(("127.0.0.1", candidate), handler)
        except OSError:
            if candidate == port + tries - 1:
                raise
            continue
        site.address = f"http://127.0.0.1:{server.server_address[1]}{site.prefix}"
        return server, site.address
    raise ValueError("tries must be at least 1")


@contextmanager
def running(root: Path, port: int = 0) -> Iterator[str]:
    """The site served in a thread for as long as the block lasts; gives its address."""
    server, address = listen(root, port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be from 0 to {HIGHEST_PORT}; given: {text[:20]!r}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m calculator.web.serve", description=__doc__)
    parser.add_argument("root", nargs="?", default="site", type=Path, help="the built site (default: site)")
    parser.add_argument("--port", default=8000, type=_port, help="first port to try (default: 8000)")
    given = parser.parse_args(arguments)
    try:
        server, address = listen(given.root, given.port, tries=20)
    except FileNotFoundError:
        print(f"{given.root} holds no built site; run `make site` first", file=sys.stderr)
        return 2
    print(f"The site is at {address}  (stop with Ctrl-C)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
