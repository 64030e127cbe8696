"""A backend of ours says who may listen: `--auth hook`, at a real web node.

The backend is a server in this process. It lets in, narrows, refuses, fails, and is silent, as the
client's `Authorization` says. Streams that are open, and requests that need no hook, wait for none
of it.

usage: hook.py BUILD      (the build directory)
"""

import contextlib
import email.message
import http.client
import http.server
import json
import pathlib
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.lines import TIMEOUT_S, Lines
from zcomet_lab.programs import Argument, Programs
from zcomet_lab.waiting import await_true

CALLS_MAX = 32  # webnode::hook::Caller::kCallsMax
TIMEOUT_OF_HOOK_S = 2
LIFE_S = 2
SECRET = "a-token-that-stands-in-no-log"


def seen_as(name: str) -> dict[str, str]:
    return {"Authorization": name}


class Asked:
    """What the backend has been asked, and how many ask at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: list[email.message.Message] = []
        self.now = 0
        self.most = 0

    def begin(self, headers: email.message.Message) -> None:
        with self._lock:
            self.requests.append(headers)
            self.now += 1
            self.most = max(self.most, self.now)

    def end(self) -> None:
        with self._lock:
            self.now -= 1


class Backend(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.asked = Asked()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def stop(self) -> None:
        """Listens no more, and ends its connections."""
        self.shutdown()
        self.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/may?listen"

    def handle_error(self, request: object, client_address: object) -> None:
        """The node closes connections at the deadline, which is no error here."""


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_GET(self) -> None:
        self.server.asked.begin(self.headers)
        try:
            self._answer(self.headers.get("Authorization", ""))
        finally:
            self.server.asked.end()

    def _answer(self, who: str) -> None:
        name, _, argument = who.partition(" ")
        if name == "silent":
            time.sleep(TIMEOUT_OF_HOOK_S + 2)
            self.close_connection = True
            return
        if name == "slow":
            time.sleep(float(argument))
        status = {"nobody": 401, "other": 403, "broken": 500, "moved": 302}.get(name, 200)
        self.send_response(status)
        if name == "nobody":
            self.send_header("WWW-Authenticate", 'Session realm="us"')
        if name == "narrow":
            self.send_header("Zcomet-Ids", argument)
        if name == "expires":
            self.send_header("Zcomet-Expires", argument)
        if name == "cached":
            self.send_header("Cache-Control", f"private, max-age={argument}")
        body = b"a body that nobody reads"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Scene:
    def __init__(self, programs: Programs) -> None:
        self.backend = Backend()
        self.broker = Broker(programs)
        options: list[Argument] = ["--auth", "hook", "--auth-hook", self.backend.url]
        options += ["--api", FREE_HTTP_PORT, "--log-level", "trace"]
        options += ["--auth-hook-timeout", f"{TIMEOUT_OF_HOOK_S}s"]
        self.node = WebNode(programs, self.broker.listen, *options).await_ready()
        self.http = self.node.http.removeprefix("http://")

    @property
    def asked(self) -> list[email.message.Message]:
        return self.backend.asked.requests

    def connect(self, target: str, who: str, **headers: str) -> http.client.HTTPConnection:
        return http_client(self.http, target, seen_as(who) | headers)

    def ask(self, target: str, who: str, **headers: str) -> http.client.HTTPResponse:
        """The answer. The connection of a stream is closed with it."""
        answer = self.connect(target, who, **headers).getresponse()
        if answer.status >= 400:
            answer.read()
        return answer

    def listen(self, target: str, who: str) -> Lines:
        return Lines(self.http, target, seen_as(who))

    def counter(self, name: str) -> int:
        return self.node.counters()[name]

    def await_count(self, name: str, count: int) -> None:
        await_true(f"{name} is {count}", lambda: self.counter(name) >= count)
        assert self.counter(name) == count, (name, self.counter(name))


def check_letting_in(scene: Scene) -> None:
    """The hook hears who asks for what, and whom it lets in hears messages."""
    target = f"/lines?id=a&id=b&token={SECRET}"
    headers = {"Cookie": "session=1", "Zcomet-Id": "root", "Zcomet_Id": "root", "Connection": "x"}
    connection = scene.connect(target, "anybody", **headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    told = scene.asked[-1]
    assert told.get_all("Zcomet-Id") == ["a", "b"], told
    assert told["X-Original-URI"] == target, told
    assert told["Cookie"] == "session=1" and told["Authorization"] == "anybody", told
    assert told["Host"] in scene.backend.url, told
    for name in ("Zcomet_Id", "Connection", "Content-Length"):
        assert name not in told, told
    scene.broker.ctl.await_logins(["a", "b"])
    scene.broker.ctl.send("b", "hello")
    assert json.loads(answer.readline()) == {"id": "b", "data": "hello"}
    connection.close()
    for target in ("/test/a", "/events/a", "/poll/a?wait=0", "/.well-known/mercure?match=a"):
        assert scene.ask(target, "anybody").status in (200, 204), target
    assert scene.counter("hook_let_in") == 5
    asked = len(scene.asked)
    for target in ("/healthz", "/readyz", "/nothing"):
        assert scene.ask(target, "nobody").status in (200, 404), target
    assert len(scene.asked) == asked, "the hook is asked about streams only"


def check_narrowing(scene: Scene) -> None:
    stream = scene.listen("/lines?id=a&id=b1&id=b2", "narrow b* c")
    scene.broker.ctl.await_logins(["b1", "b2"])
    for user_id in ("a", "b2"):
        scene.broker.ctl.run("send", user_id, "x")
    assert json.loads(stream.next())["id"] == "b2", "a was left out"
    stream.close()
    assert scene.ask("/lines/a", "narrow b*").status == 403
    assert scene.ask("/lines/a", "narrow").status == 403
    assert scene.ask("/lines/a", "narrow b,c").status == 503, "no pattern"


def check_expiry(scene: Scene) -> None:
    expires = int(time.time()) + LIFE_S
    answer = scene.connect("/events/e", f"expires {expires}").getresponse()
    text = answer.read().decode()  # raises IncompleteRead if the end is an error
    assert time.time() >= expires, "it ended too soon"
    assert text.splitlines()[-1].startswith("retry: "), text
    assert scene.ask("/events/e", f"expires {expires}").status == 401
    assert scene.ask("/events/e", "expires soon").status == 503
    began = time.monotonic()
    assert scene.ask("/poll/e?wait=20", f"expires {int(time.time()) + LIFE_S}").status == 204
    assert time.monotonic() - began < 10
    scene.await_count("token_ends", 1)


def check_refusals(scene: Scene) -> None:
    refused, failed = scene.counter("hook_refused"), scene.counter("hook_failed")
    answer = scene.ask("/events/a", "nobody")
    assert answer.status == 401, answer.status
    assert answer.headers["WWW-Authenticate"] == 'Session realm="us"'
    assert scene.ask("/poll/a", "other").status == 403
    assert scene.ask("/.well-known/mercure?match=a", "other").status == 403
    assert scene.ask("/lines/~:a", "anybody").status == 403, "an id of private updates"
    for who in ("broken", "moved"):
        answer = scene.ask("/lines/a", who)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5"), who
    began = time.monotonic()
    assert scene.ask("/lines/a", "silent").status == 503
    waited = time.monotonic() - began
    assert TIMEOUT_OF_HOOK_S - 0.1 <= waited < TIMEOUT_OF_HOOK_S + 1.5, waited
    # An EventSource does not come back after 503.
    answer = scene.ask("/events/a", "broken", Accept="text/event-stream")
    assert answer.status == 200 and answer.read().startswith(b"retry: ")
    scene.await_count("hook_refused", refused + 3)
    scene.await_count("hook_failed", failed + 4)


def check_remembering(scene: Scene) -> None:
    """An answer with a max-age is used again, for the same client and the same ids only."""
    asked, hits = len(scene.asked), scene.counter("hook_hits")
    for _ in range(3):
        assert scene.ask("/lines/m", "cached 3").status == 200
    assert len(scene.asked) == asked + 1
    assert scene.ask("/lines/m2", "cached 3").status == 200
    assert scene.ask("/lines/m", "cached 3", Cookie="session=2").status == 200
    assert scene.ask("/lines/m?token=x", "cached 3").status == 200
    assert len(scene.asked) == asked + 4
    await_true("the answer is forgotten", lambda: is_asked_again(scene))
    await_true("hits are counted", lambda: scene.counter("hook_hits") >= hits + 2)
    asked = len(scene.asked)
    for _ in range(2):
        assert scene.ask("/lines/m", "anybody").status == 200
    assert len(scene.asked) == asked + 2, "without a max-age each request is asked about"
    assert scene.ask("/lines/m", "cached 1000").status == 200
    scene.node.program.hang_up()
    await_true("SIGHUP forgets", lambda: is_asked_again(scene, "cached 1000"))


def is_asked_again(scene: Scene, who: str = "cached 3") -> bool:
    asked = len(scene.asked)
    assert scene.ask("/lines/m", who).status == 200
    return len(scene.asked) > asked


def check_slowness(scene: Scene) -> None:
    """Very many wait for a slow hook. It is asked some at a time, and nobody else waits."""
    open_stream = scene.listen("/lines/fast", "anybody")
    scene.broker.ctl.await_logins(["fast"])
    let_in = scene.counter("hook_let_in")
    waiting = [scene.connect("/lines/s", "slow 0.3") for _ in range(3 * CALLS_MAX)]
    await_true("they wait", lambda: scene.backend.asked.now >= CALLS_MAX // 2)
    began = time.monotonic()
    scene.broker.ctl.send("fast", "now")
    assert json.loads(open_stream.next())["data"] == "now"
    assert scene.ask("/healthz", "").status == 200
    assert time.monotonic() - began < 1, "others were held up"
    statuses = [connection.getresponse().status for connection in waiting]
    assert statuses == [200] * len(waiting), statuses
    assert scene.backend.asked.most <= CALLS_MAX, scene.backend.asked.most
    scene.await_count("hook_let_in", let_in + len(waiting))
    for connection in waiting:
        connection.close()
    open_stream.close()


def check_leaving(scene: Scene) -> None:
    """A client that goes while its answer is awaited is forgotten."""
    failed = scene.counter("hook_failed")
    leaving = [scene.connect("/lines/gone", "slow 1") for _ in range(2 * CALLS_MAX)]
    await_true("they wait", lambda: scene.counter("hook_waiting") == len(leaving))
    await_true("some have been asked about", lambda: scene.backend.asked.now == CALLS_MAX)
    asked = len(scene.asked)
    for connection in leaving:
        connection.close()
    await_true("they are forgotten", lambda: scene.counter("hook_waiting") == 0)
    await_true("the hook has answered", lambda: scene.backend.asked.now == 0)
    assert len(scene.asked) == asked, "the hook is not asked about those that are gone"
    assert scene.counter("hook_failed") == failed
    assert scene.ask("/lines/a", "anybody").status == 200


def check_absence(scene: Scene) -> None:
    """While nobody answers it is 503; when the backend is back streams open again."""
    port = scene.backend.server_port
    scene.backend.stop()
    assert scene.ask("/lines/a", "anybody").status == 503
    await_true("it says why", lambda: "reason=connect" in scene.node.program.log())
    scene.backend = Backend(port)
    assert scene.ask("/lines/a", "anybody").status == 200
    log = scene.node.program.log()
    assert "event=hook-failed" in log and "event=hook-refused" in log
    assert SECRET not in log and "session=1" not in log


def check_recipe(programs: Programs, scene: Scene) -> None:
    """The backend in DEPLOYMENT does what is said there."""
    text = (pathlib.Path(__file__).parents[2] / "docs" / "DEPLOYMENT.md").read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found, "DEPLOYMENT has no backend"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = found[1].replace("9000", str(port))
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as backend:
        try:
            hook = ("--auth", "hook", "--auth-hook", f"http://localhost:{port}/may")
            node = WebNode(programs, scene.broker.listen, *hook, name="recipe").await_ready()
            host = node.http.removeprefix("http://")
            session = {"Cookie": "a=b; session=5d41402abc4b"}
            await_true("it lets in", lambda: status_of(host, "/lines/alice.1", session) == 200)
            assert status_of(host, "/lines/bob.1", session) == 403
            assert status_of(host, "/lines/alice.1", {}) == 401
        finally:
            backend.kill()


def status_of(host: str, target: str, headers: dict[str, str]) -> int:
    connection = http_client(host, target, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def http_client(host: str, target: str, headers: dict[str, str]) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    connection.request("GET", target, headers=headers)
    return connection


def check_start(programs: Programs, scene: Scene) -> None:
    def complaint(*options: str) -> str:
        program = programs.start(
            "zcomet-webnode", *("--broker", scene.broker.listen, "--http", FREE_HTTP_PORT), *options
        )
        program.finish(TIMEOUT_S, status=2)
        return program.log()

    wanted: list[tuple[Sequence[str], str]] = [
        (["--auth", "hook"], "belong together"),
        (["--auth-hook", "http://127.0.0.1:1/"], "belong together"),
        (["--auth", "hook", "--auth-hook", "https://a/"], "http:// only"),
        (["--auth", "hook", "--auth-hook", "127.0.0.1:1"], "no address of a hook"),
        (["--auth", "hook", "--auth-hook", "http://a", "--auth-hook-timeout", "9s"], "1s to 8s"),
        (["--api-auth", "hook"], "--api-auth"),
    ]
    for options, words in wanted:
        text = complaint(*options)
        assert words in text, (options, text)
    assert "event=auth streams=hook publishing=public" in scene.node.program.log()


def main() -> int:
    with Programs(sys.argv[1]) as programs:
        scene = Scene(programs)
        check_letting_in(scene)
        check_narrowing(scene)
        check_expiry(scene)
        check_refusals(scene)
        check_remembering(scene)
        check_slowness(scene)
        check_leaving(scene)
        check_recipe(programs, scene)
        check_start(programs, scene)
        check_absence(scene)
    print("the hook was asked, and did as it said")
    return 0


if __name__ == "__main__":
    sys.exit(main())
