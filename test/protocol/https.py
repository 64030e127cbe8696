"""TLS at a real web node's public port and API, by clients that are not ours.

Python's ssl, curl and `openssl s_client` open streams, publish and come back with tickets, in TLS
1.2 and 1.3. Certificates change while a stream is open. What speaks no TLS gets a clear answer, and
mistakes in files are told at the start.

usage: https.py BUILD      (the build directory)
"""

import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Argument, Programs
from zcomet_lab.waiting import await_true

TIMEOUT_S = 20
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Files:
    """Certificates that sign themselves, and their keys."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def make(self, name: str, *hosts: str, key: Sequence[str] = ()) -> tuple[str, str]:
        """Files NAME.pem and NAME.key for these hosts, made anew if they are there."""
        new_key = key or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        names = ",".join(f"DNS:{host}" for host in hosts)
        chain, secret = (str(self.folder / f"{name}.{kind}") for kind in ("pem", "key"))
        subject = ("-subj", f"/CN={hosts[0]}", "-addext", f"subjectAltName={names}")
        command = ["openssl", "req", "-x509", "-nodes", "-days", "2", *new_key, *subject]
        command += ["-keyout", secret, "-out", chain]
        subprocess.run(command, check=True, capture_output=True)
        pathlib.Path(secret).chmod(0o600)
        return chain, secret


class Client:
    """A connection of Python's ssl to a web node."""

    def __init__(
        self,
        node: str,
        trusted: str,
        host: str = "a.example",
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        came_from: "Client | None" = None,
    ) -> None:
        if came_from is None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.context.minimum_version = self.context.maximum_version = version
            self.context.load_verify_locations(trusted)
            self.context.set_alpn_protocols(["h2", "http/1.1"])
        else:
            self.context = came_from.context
        address, port = node.removeprefix("https://").rsplit(":", 1)
        plain = socket.create_connection((address, int(port)), timeout=TIMEOUT_S)
        ticket = None if came_from is None else came_from.socket.session
        self.socket: ssl.SSLSocket = self.context.wrap_socket(
            plain, server_hostname=host, session=ticket
        )
        self._file = self.socket.makefile("rb")

    def ask(self, method: str, target: str, body: str = "") -> str:
        """The head of the answer."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"
        self.socket.sendall((head + body).encode())
        lines = []
        while line := self.line():
            lines.append(line)
        return "\n".join(lines)

    def line(self) -> str:
        return self._file.readline().decode().rstrip("\r\n")

    def await_line(self, part: str) -> str:
        while part not in (line := self.line()):
            assert line or not self.ended(), f"the stream ended without {part}"
        return line

    def ended(self) -> bool:
        """Whether the server has said that it ends; a mere end of the connection is an error."""
        return self._file.peek(1) == b""

    def body(self, head: str) -> str:
        length = next(line for line in head.split("\n") if line.startswith("Content-Length"))
        return self._file.read(int(length.split(": ")[1])).decode()

    def close(self) -> None:
        self._file.close()
        self.socket.close()


class Scene:
    """A web node with two certificates."""

    def __init__(self, programs: Programs, folder: pathlib.Path) -> None:
        self.files = Files(folder)
        self.first = self.files.make("a", "a.example", "localhost")
        rsa = ("-newkey", "rsa:2048")
        self.second = self.files.make("b", "b.example", "*.c.example", key=rsa)
        self.broker = Broker(programs)
        options: list[Argument] = ["--api", FREE_HTTP_PORT, "--workers", 2]
        for chain, key in (self.first, self.second):
            options += ["--tls-cert", chain, "--tls-key", key]
        self.node = WebNode(programs, self.broker.listen, *options).await_ready()
        assert self.node.http.startswith("https://"), self.node.http
        assert self.node.api.startswith("https://"), self.node.api

    def await_log(self, part: str) -> None:
        await_true(f"the log has {part}", lambda: part in self.node.program.log())

    def send(self, user_id: str, text: str) -> None:
        """Sends until the broker knows that somebody listens."""

        def arrives() -> bool:
            client = Client(self.node.api, self.first[0])
            head = client.ask("POST", f"/send/{user_id}", text)
            assert head.startswith("HTTP/1.1 20"), head
            nodes: int = json.loads(client.body(head))["nodes"]
            client.close()
            return nodes == 1

        await_true(f"a message arrives at {user_id}", arrives)


def check_streams(scene: Scene) -> None:
    for version in VERSIONS:
        client = Client(scene.node.http, scene.first[0], version=version)
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.ask("GET", "/events/a").startswith("HTTP/1.1 200"), version
        scene.send("a", f"by {version.name}")
        client.await_line(f"by {version.name}")
        client.close()


def check_names(scene: Scene) -> None:
    for host, trusted in (
        ("a.example", scene.first),
        ("b.example", scene.second),
        ("x.c.example", scene.second),
        ("localhost", scene.first),
    ):
        for version in VERSIONS:  # Python checks the name and the signature
            client = Client(scene.node.http, trusted[0], host, version)
            assert client.ask("GET", "/healthz").startswith("HTTP/1.1 200"), host
            client.close()


def check_tickets(scene: Scene) -> None:
    for version in VERSIONS:
        first = Client(scene.node.http, scene.first[0], version=version)
        assert first.ask("GET", "/healthz").startswith("HTTP/1.1 200")
        assert not first.socket.session_reused
        for _ in range(8):  # at either worker
            again = Client(scene.node.http, scene.first[0], came_from=first)
            assert again.ask("GET", "/healthz").startswith("HTTP/1.1 200")
            assert again.socket.session_reused, version
            again.close()
        first.close()
    await_true("tickets are counted", lambda: scene.node.counters()["tls_resumed"] >= 16)


def check_end(scene: Scene) -> None:
    """An answer without a next one ends with "close_notify", as Python demands."""
    for version in VERSIONS:
        client = Client(scene.node.http, scene.first[0], version=version)
        client.socket.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert client.line().startswith("HTTP/1.1 200")
        while client.line():
            pass
        while client.line():
            pass
        assert client.ended()
        client.close()


def check_curl(scene: Scene) -> None:
    curl = shutil.which("curl")
    if curl is None:
        return
    port = scene.node.http.rsplit(":", 1)[1]
    for option in ("--tlsv1.3", "--tls-max=1.2"):
        command = [curl, "-sS", *option.split("="), "--max-time", str(TIMEOUT_S)]
        command += ["--cacert", scene.first[0], "--resolve", f"a.example:{port}:127.0.0.1"]
        command += ["-H", "Host: localhost", f"https://a.example:{port}/healthz"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (option, done.stderr)


def check_openssl(scene: Scene) -> None:
    """Old versions, weak ciphers and renegotiation are refused; a change of keys is not."""
    address = scene.node.http.removeprefix("https://")

    def talk(said: str, *options: str) -> str:
        command = ["openssl", "s_client", "-connect", address, "-CAfile", scene.first[0], *options]
        done = subprocess.run(
            command, input=said, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
        return done.stdout + done.stderr

    ask = "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n"
    assert "HTTP/1.1 200" in talk(ask, "-ign_eof", "-crlf", "-tls1_3")
    assert "HTTP/1.1 200" in talk(ask, "-ign_eof", "-crlf", "-tls1_2")
    command = ["openssl", "s_client", "-connect", address, "-CAfile", scene.first[0], "-crlf"]
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=merged, text=True) as client:
        assert client.stdin is not None and client.stdout is not None
        for said, part in (("K\n", "KEYUPDATE"), (ask, "HTTP/1.1 200")):  # K: it wants one back
            client.stdin.write(said)
            client.stdin.flush()
            assert any(part in line for line in client.stdout), part
    assert "HTTP/1.1 200" not in talk("R\n", "-crlf", "-tls1_2")
    assert "Cipher is (NONE)" in talk("", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in talk("", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384")
    assert "Cipher is (NONE)" in talk("", "-alpn", "h2")


def check_floodtest(programs: Programs, scene: Scene) -> None:
    """Our own client takes any certificate, unless it is told which ones are good."""
    port = scene.node.http.rsplit(":", 1)[1]
    cases: list[tuple[list[Argument], str, int]] = [
        ([], "127.0.0.1", 0),
        (["--tls-ca", scene.first[0]], "localhost", 0),
        (["--tls-ca", scene.first[0]], "127.0.0.1", 1),  # no name of the certificate
        (["--tls-ca", scene.second[0]], "localhost", 1),
    ]
    for options, host, status in cases:
        flood = programs.start(
            "zcomet-floodtest",
            *("--connections", 30, "--rate", 0, "--duration", 0),
            *("--url", f"https://{host}:{port}/test/{{id}}"),
            *options,
        )
        flood.finish(TIMEOUT_S, status)


def check_floodtest_mistakes(programs: Programs, scene: Scene) -> None:
    """One error that names the file, before any of the processes connects."""
    missing = str(scene.files.folder / "missing.pem")
    broken = scene.files.folder / "broken.pem"
    good = pathlib.Path(scene.first[0]).read_text(encoding="utf-8")
    broken.write_text(good.replace(good.split("\n")[1], "no base64!"), encoding="utf-8")
    wanted = [
        (missing, "https", "No such file"),
        (str(scene.files.folder), "https", "has no certificates in PEM"),
        (scene.first[1], "https", "has no certificates in PEM"),  # a key
        (str(broken), "https", "has no certificates in PEM"),
        (scene.first[0], "http", "is for a --url with https"),
    ]
    port = scene.node.http.rsplit(":", 1)[1]
    for path, scheme, words in wanted:
        flood = programs.start(
            "zcomet-floodtest",
            *("--connections", 30, "--processes", 3, "--tls-ca", path),
            *("--url", f"{scheme}://localhost:{port}/test/{{id}}"),
        )
        flood.finish(TIMEOUT_S, status=2)
        said = [line for line in flood.log().splitlines() if "--tls-ca" in line]
        assert len(said) == 1 and words in said[0], (path, flood.log())
        assert scheme == "http" or path in said[0], flood.log()


def check_address_full(programs: Programs, scene: Scene) -> None:
    """A host that has its part gets an alert: in plain text it would hear nothing."""
    chain, key = scene.first
    options: list[Argument] = ["--workers", 1, "--max-streams", 4, "--per-address", 2]
    node = WebNode(programs, scene.broker.listen, *options, "--tls-cert", chain, "--tls-key", key)
    node.await_ready()
    streams = [Client(node.http, chain) for _ in range(2)]
    for stream in streams:
        assert stream.ask("GET", "/events/full").startswith("HTTP/1.1 200")
    for version in VERSIONS:
        try:
            Client(node.http, chain, version=version)
        except ssl.SSLError as error:
            assert error.reason == "TLSV1_ALERT_INTERNAL_ERROR", error
        else:
            raise AssertionError("a third stream of one host is let in")
    assert node.counters()["address_refusals"] == len(VERSIONS)
    assert node.counters()["tls_failures"] == 0
    streams.pop().close()
    await_true("a stream has ended", lambda: node.counters()["streams"] == 1)
    again = Client(node.http, chain)
    assert again.ask("GET", "/events/full").startswith("HTTP/1.1 200")
    node.program.end()


def check_no_tls(scene: Scene) -> None:
    before = scene.node.counters()["tls_failures"]
    for url in (scene.node.http, scene.node.api):
        address, port = url.removeprefix("https://").rsplit(":", 1)
        for said, wanted in (
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 400 "),
            (b"\x16\x03\x01\x00\x05hello", b"\x15\x03"),
            (b"\x00garbage", b""),
            (b"\x80\x2e\x01\x00\x02", b""),
        ):
            with socket.create_connection((address, int(port)), timeout=TIMEOUT_S) as plain:
                plain.sendall(said)
                answer = b""
                while more := plain.recv(65536):
                    answer += more
            assert answer.startswith(wanted), (said, answer)
            assert wanted or not answer, (said, answer)
    scene.await_log("event=tls-failed")
    await_true("failures are counted", lambda: scene.node.counters()["tls_failures"] >= before + 8)


def check_new_certificates(scene: Scene) -> None:
    """SIGHUP takes new files and ends no stream; with a bad file all stays as it is."""
    old = scene.files.folder / "old.pem"
    shutil.copy(scene.first[0], old)
    stream = Client(scene.node.http, str(old))
    assert stream.ask("GET", "/events/hup").startswith("HTTP/1.1 200")
    secret = pathlib.Path(scene.first[1])
    good = secret.read_text(encoding="utf-8")
    secret.write_text("no key", encoding="utf-8")
    scene.node.program.hang_up()
    scene.await_log("has no private key")
    Client(scene.node.http, str(old)).close()
    secret.write_text(good, encoding="utf-8")
    scene.files.make("a", "a.example", "localhost")
    scene.node.program.hang_up()
    scene.await_log("event=tls-certificates")

    def is_new() -> bool:
        try:
            Client(scene.node.http, scene.first[0]).close()
        except ssl.SSLCertVerificationError:
            return False
        return True

    await_true("the port has the new certificate", is_new)
    await_true("each worker has it", lambda: all(is_new() for _ in range(16)))
    scene.send("hup", "still here")
    stream.await_line("still here")
    stream.close()


def check_mistakes(programs: Programs, scene: Scene) -> None:
    chain, key = scene.first
    open_key = scene.files.folder / "open.key"
    shutil.copy(key, open_key)
    open_key.chmod(0o644)
    missing = str(scene.files.folder / "missing")
    wanted: list[tuple[Sequence[str], str]] = [
        (["--tls-cert", chain], "belong together"),
        (["--tls-key", key], "belong together"),
        (["--tls-cert", missing, "--tls-key", key], "No such file"),
        (["--tls-cert", chain, "--tls-key", str(open_key)], "others may read"),
        (["--tls-cert", chain, "--tls-key", scene.second[1]], "not the key of its certificate"),
        (["--tls-cert", key, "--tls-key", key], "has no certificate"),
    ]
    for options, words in wanted:
        program = programs.start(
            "zcomet-webnode", *("--broker", scene.broker.listen, "--http", FREE_HTTP_PORT), *options
        )
        program.finish(TIMEOUT_S, status=2)
        assert words in program.log(), (options, program.log())
        assert "PRIVATE KEY--" not in program.log()


def check_secrecy(scene: Scene) -> None:
    """Neither the key nor what tickets are made of is in a log or a command line."""
    line = pathlib.Path(f"/proc/{scene.node.program.pid}/task/{scene.node.program.pid}/children")
    children = line.read_text(encoding="ascii").split()
    assert len(children) == 2, children
    secret = pathlib.Path(scene.first[1]).read_text(encoding="utf-8").split("\n")[1]
    for pid in (*children, str(scene.node.program.pid)):
        said = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert "BEGIN" not in said and secret not in said and "tls-tickets" not in said
    assert secret not in scene.node.program.log()


def main() -> int:
    with Programs(sys.argv[1]) as programs, tempfile.TemporaryDirectory() as folder:
        scene = Scene(programs, pathlib.Path(folder))
        check_streams(scene)
        check_names(scene)
        check_tickets(scene)
        check_end(scene)
        check_curl(scene)
        check_openssl(scene)
        check_floodtest(programs, scene)
        check_floodtest_mistakes(programs, scene)
        check_address_full(programs, scene)
        check_no_tls(scene)
        check_new_certificates(scene)
        check_mistakes(programs, scene)
        check_secrecy(scene)
        handshakes = scene.node.counters()["tls_handshakes"]
    print(f"{handshakes} handshakes, and each client got what it should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
