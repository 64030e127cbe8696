"""A web site of its own, whose pages listen to web nodes."""

import contextlib
import dataclasses
import http.server
import pathlib
import threading
from collections.abc import Iterator, Sequence


@dataclasses.dataclass
class Site:
    """A site that is being served."""

    origin: str
    posted: list[str] = dataclasses.field(default_factory=list)
    """The paths to which its pages have posted something."""


@contextlib.contextmanager
def site(folders: Sequence[pathlib.Path], port: int = 0) -> Iterator[Site]:
    """Serves the files of these folders, the first that has one; port 0: any."""
    posted: list[str] = []

    class Files(http.server.SimpleHTTPRequestHandler):
        """Without a log."""

        def translate_path(self, path: str) -> str:
            name = path.split("?")[0].lstrip("/")
            files = [folder / name for folder in folders]
            return str(next((file for file in files if file.is_file()), files[0]))

        def do_POST(self) -> None:  # noqa: N802 (the name is http.server's)
            posted.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", posted)
    finally:
        server.shutdown()
        server.server_close()
