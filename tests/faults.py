"""A server of the built site that fails on purpose: missing, cut off, damaged, held back or slow, file by file."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread

from calculator.web import serve

PIECE = 16_384


@dataclass(kw_only=True)
class Fault:
    """What happens to the files whose path matches: by default nothing."""

    path: str
    missing: bool = False
    keep: float = 1.0
    """Share of the body that is sent before the connection is cut; the announced length stays the whole one."""
    flip: bool = False
    """One bit in the middle is turned over."""
    content: bytes | None = None
    before: str = ""
    """A script put before the file's own."""
    bytes_per_s: float = 0.0
    held: Event | None = None
    """Nothing is sent until it is set."""
    times: int = -1
    """How many answers it is good for; without end when negative."""
    seen: int = field(default=0, init=False)


class Place:
    """The served site, its address and its faults. `site` may be changed while it runs: that is a new release."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = ""
        self.faults: list[Fault] = []
        self.asked: list[str] = []

    def break_(self, path: str, **what: object) -> Fault:
        """Add a fault for files whose path this pattern finds."""
        fault = Fault(path=path, **what)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def mend(self) -> None:
        """No faults any more; what was held goes on."""
        for fault in self.faults:
            if fault.held:
                fault.held.set()
        self.faults.clear()

    def fault_for(self, path: str) -> Fault | None:
        """The first fault for this path that is not used up."""
        for fault in self.faults:
            if re.search(fault.path, path) and fault.seen != fault.times:
                fault.seen += 1
                return fault
        return None

    @contextmanager
    def running(self) -> Iterator["Place"]:
        """Serve for as long as the block lasts."""
        place = self

        class Handler(serve.Handler):
            """Serves the site with the faults in force."""

            def do_GET(self) -> None:  # noqa: N802
                place.asked.append(self.path)
                self.site = place.site
                self.fault = place.fault_for(self.path)
                super().do_GET()

            do_HEAD = do_GET  # noqa: N815

            def _send(self, status: HTTPStatus, path: Path | None) -> None:
                fault = self.fault
                if fault is None:
                    super()._send(status, path)
                    return
                if fault.held:
                    fault.held.wait(60)
                if fault.missing or path is None:
                    super()._send(HTTPStatus.NOT_FOUND, None)
                    return
                content = bytearray(path.read_bytes() if fault.content is None else fault.content)
                if fault.flip:
                    content[len(content) // 2] ^= 1
                self._send_broken(status, path, fault.before.encode() + bytes(content), fault)

            def _send_broken(self, status: HTTPStatus, path: Path, content: bytes, fault: Fault) -> None:
                self.send_response(status)
                self.send_header("Content-Type", serve.TYPES.get(path.suffix, "application/octet-stream"))
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                if self.command == "HEAD":
                    return
                content = content[: int(len(content) * fault.keep)]
                pieces = [content[at : at + PIECE] for at in range(0, len(content), PIECE)]
                for piece in pieces if fault.bytes_per_s else [content]:
                    self.wfile.write(piece)
                    if fault.bytes_per_s:
                        self.wfile.flush()
                        time.sleep(len(piece) / fault.bytes_per_s)
                self.close_connection = self.close_connection or fault.keep < 1

        server = serve.Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_address[1]}{serve.Site(self.root).prefix}"
        self.release(self.root)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield self
        finally:
            self.mend()
            server.shutdown()
            server.server_close()

    def release(self, root: Path) -> None:
        """Serve this folder from now on."""
        self.site = serve.Site(root)
        self.site.address = self.address
