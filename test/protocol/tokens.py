"""Who may listen and who may publish: tokens that zcomet-ctl and others make, at a web node.

A stream without a good token is refused with words, one with a good token ends when that expires,
in the way of its format. Keys change while streams are open. No token and no key is in a log or in
a command line. PyJWT, where it is installed, makes tokens of each algorithm, and checks ours.

usage: tokens.py BUILD      (the build directory)
"""

import base64
import hashlib
import hmac
import http.client
import importlib
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.lines import TIMEOUT_S, Lines
from zcomet_lab.processes import processes_of
from zcomet_lab.programs import Argument, Program, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

SECRET = "a secret of more than thirty-two bytes"
OTHER_SECRET = "another secret of at least that many bytes"
LIFE_S = 2
ALGORITHMS = {
    "EdDSA": ("-algorithm", "ed25519"),
    "ES256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "RS256": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """A token, made without any library for them."""
    parts = [{"alg": algorithm}, claims]
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64url(digest)}"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Scene:
    """A web node that wants tokens, and all that were shown to it."""

    def __init__(self, programs: Programs, folder: pathlib.Path) -> None:
        self._programs = programs
        self.folder = folder
        self.secret_file = self.write("secret", SECRET + "\n")
        self.tokens: list[str] = []
        self.broker = Broker(programs)
        self.ctl = Ctl(programs.path("zcomet-ctl"), "--broker", self.broker.listen)
        self.private = {name: self._make_key(name) for name in ALGORITHMS}
        public = [self._public_of(name) for name in ALGORITHMS]
        options: list[Argument] = ["--auth", "token", "--api-auth", "token", "--token-leeway", "0s"]
        options += ["--api", FREE_HTTP_PORT, "--workers", 2, "--log-level", "trace"]
        for path in (self.secret_file, *public):
            options += ["--token-keys", path]
        self.node = WebNode(programs, self.broker.listen, *options)
        self.node.await_ready()
        self.http = self.node.http.removeprefix("http://")
        self.api = self.node.api.removeprefix("http://")

    def write(self, name: str, text: str, mode: int = 0o600) -> pathlib.Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def _make_key(self, name: str) -> pathlib.Path:
        path = self.folder / f"{name}.pem"
        command = ["openssl", "genpkey", *ALGORITHMS[name], "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        path.chmod(0o600)
        return path

    def _public_of(self, name: str) -> pathlib.Path:
        path = self.folder / f"{name}.pub"
        command = ["openssl", "pkey", "-in", str(self.private[name]), "-pubout", "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return path

    def ask(self, target: str, token: str = "", **headers: str) -> tuple[int, str, str]:
        """The status of an answer, what it says of authentication, and its first bytes."""
        if token:
            headers |= bearer(token)
            self.tokens.append(token)
        connection = http.client.HTTPConnection(self.http, timeout=TIMEOUT_S)
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode() if answer.status >= 400 else ""
        challenge = answer.headers.get("WWW-Authenticate", "")
        connection.close()
        return answer.status, challenge, text

    def token_of_ctl(self, *options: str) -> str:
        done = self.ctl.run("token", "--key", str(self.secret_file), *options)
        assert done.returncode == 0, done.stderr
        self.tokens.append(done.stdout.strip())
        return self.tokens[-1]

    def counters(self) -> dict[str, int]:
        return self.node.counters()


def check_refusals(scene: Scene) -> None:
    now = int(time.time())
    for target in ("/test/a", "/events/a", "/events?id=a", "/lines/a", "/poll/a", "/poll?id=a"):
        status, challenge, text = scene.ask(target)
        assert (status, challenge) == (401, "Bearer"), (target, status, challenge)
        assert "a token is wanted" in text, text
    good = {"sub": "a", "exp": now + 600}
    bad = {
        "expired": signed(good | {"exp": now - 10}),
        "not-yet": signed(good | {"nbf": now + 100}),
        "signature": signed(good, OTHER_SECRET),
        "claims": signed(good | {"ids": "a*"}),
        "algorithm": signed(good, algorithm="none"),
        "malformed": signed(good).replace(".", "", 1),
    }
    for reason, token in bad.items():
        status, challenge, text = scene.ask("/events/a", token)
        assert (status, challenge) == (401, 'Bearer error="invalid_token"'), (reason, status)
        assert reason in text, (reason, text)
    for target in ("/events/b", "/events?id=a&id=b", "/poll/b", "/test/b"):
        status, challenge, text = scene.ask(target, signed(good))
        assert (status, challenge) == (403, 'Bearer error="insufficient_scope"'), (target, text)
    await_true("refusals are counted", lambda: scene.counters()["token_refusals"] >= 16)
    for target in ("/healthz", "/readyz"):
        assert scene.ask(target)[0] == 200


def check_listening_and_sending(scene: Scene) -> None:
    """A token of zcomet-ctl opens streams in each place where it may stand; another one sends."""
    listens = scene.token_of_ctl("--ids", "a*", "--sub", "bob", "--for", "1h")
    sends = scene.token_of_ctl("--publish", "a*", "--publish", "b?b")
    streams = {
        "a1": Lines(scene.http, "/lines/a1", bearer(listens)),
        "a2": Lines(scene.http, "/lines/a2", {"Cookie": f"x=y; zcomet_token={listens}"}),
        "bob": Lines(scene.http, f"/lines?id=bob&token={listens}"),
    }
    scene.ctl.await_logins(list(streams))
    backend = Backend(scene.api)
    for user_id, stream in streams.items():
        status, answer = Backend(scene.api).post(f"/send/{user_id}", "hello", **bearer(sends))
        assert status == 200, (status, answer)
        assert json.loads(stream.next()) == {"id": user_id, "data": "hello"}

    assert Backend(scene.api).post("/send/a1", "x")[0] == 401
    assert Backend(scene.api).post("/send/a1", "x" * 50_000)[0] == 401
    assert Backend(scene.api).post("/send/a1", "x", **bearer(listens))[0] == 403
    assert Backend(scene.api).post("/send/c", "x", **bearer(sends))[0] == 403
    cookie = {"Cookie": f"zcomet_token={sends}"}
    assert Backend(scene.api).post("/send/a1", "x", **cookie)[0] == 401
    assert Backend(scene.api).post(f"/send/a1?token={sends}", "y")[0] == 200
    lines = "\n".join(json.dumps({"id": user_id, "data": "z"}) for user_id in ("a1", "c"))
    status, answer = backend.post("/send", lines, **bearer(sends))
    told = [json.loads(line) for line in answer.splitlines()]
    assert status == 200 and told[0]["nodes"] == 1, (status, told)
    assert told[1] == {"line": 2, "error": "the token is not for this id"}, told
    assert [json.loads(streams["a1"].next())["data"] for _ in range(2)] == ["y", "z"]
    assert Backend(scene.api).get("/who/a1")[0] == 401
    await_true("refusals are counted", lambda: scene.counters()["api_token_refusals"] >= 7)


def check_ends(scene: Scene) -> None:
    """Streams end when their tokens expire, and not before; others stay open."""
    formats: dict[str, Callable[[str], bool]] = {
        "/events/e": lambda text: text.splitlines()[-1].startswith("retry: "),
        "/lines/e": lambda text: text == "",
        "/test/e": lambda text: text == "",
    }
    lasts = Lines(scene.http, "/lines/e", bearer(scene.token_of_ctl("--ids", "e")))
    for target, is_end in formats.items():
        expires = int(time.time()) + LIFE_S
        token = signed({"sub": "e", "exp": expires})
        connection = http.client.HTTPConnection(scene.http, timeout=TIMEOUT_S)
        connection.request("GET", target, headers=bearer(token))
        answer = connection.getresponse()
        assert answer.status == 200, (target, answer.status)
        text = answer.read().decode()  # raises IncompleteRead if the end is an error
        assert is_end(text), (target, text)
        assert time.time() >= expires, "it ended too soon"
        assert target != "/events/e" or text.count("retry: ") == 2, text
        assert scene.ask(target, token)[0] == 401, "the token has expired"
    token = signed({"sub": "e", "exp": int(time.time()) + 1})
    began = time.monotonic()
    assert scene.ask("/poll/e?wait=20", token)[0] == 204
    assert time.monotonic() - began < 10, "a poll waits no longer than its token is good"
    await_true("ends are counted", lambda: scene.counters()["token_ends"] == len(formats))
    scene.ctl.send("e", "still here")
    assert json.loads(lasts.next())["data"] == "still here"


def check_foreign(scene: Scene) -> None:
    """PyJWT's tokens are good here, and ours are good for PyJWT."""
    try:
        jwt = importlib.import_module("jwt")
    except ImportError:
        print("without PyJWT: python3-jwt is not installed")
        return
    claims = {"ids": ["f*"], "exp": int(time.time()) + 600, "iss": "foreign"}
    keys = {"HS256": SECRET} | {name: path.read_text() for name, path in scene.private.items()}
    for algorithm, key in keys.items():
        token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "any"})
        assert scene.ask("/events/f1", token)[0] == 200, algorithm
        assert scene.ask("/events/g", token)[0] == 403, algorithm
        cut = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
        assert scene.ask("/events/f1", cut)[0] == 401, algorithm
    # The public key as the secret of an HMAC. PyJWT refuses to do that, so it is done by hand.
    public = (scene.folder / "RS256.pub").read_text()
    assert scene.ask("/events/f1", signed(claims, public))[0] == 401
    for algorithm in ALGORITHMS:
        made = scene.ctl.run(
            *("token", "--key", str(scene.private[algorithm]), "--ids", "f*", "--sub", "me"),
            *("--for", "5m", "--issuer", "us", "--audience", "them"),
        )
        assert made.returncode == 0, made.stderr
        key = (scene.folder / f"{algorithm}.pub").read_text()
        told = jwt.decode(
            made.stdout.strip(), key, algorithms=[algorithm], audience="them", issuer="us"
        )
        assert told["ids"] == ["f*"] and told["sub"] == "me", told
        assert 290 <= told["exp"] - time.time() <= 301, told
        assert scene.ask("/events/me", made.stdout.strip())[0] == 200, algorithm


def is_open(scene: Scene, token: str) -> bool:
    """Whether both workers take the token: a connection may be to either."""
    return all(scene.ask("/events/k", token)[0] == 200 for _ in range(8))


def is_shut(scene: Scene, token: str) -> bool:
    return all(scene.ask("/events/k", token)[0] == 401 for _ in range(8))


def check_new_keys(scene: Scene) -> None:
    """SIGHUP reads the keys again. A file that is wrong changes nothing."""
    stays = Lines(scene.http, "/lines/k", bearer(signed({"sub": "k"})))
    old, new = signed({"sub": "k"}), signed({"sub": "k"}, OTHER_SECRET)
    assert is_open(scene, old) and is_shut(scene, new)
    scene.write("secret", "short")
    scene.node.program.hang_up()
    await_true("it says so", lambda: "event=not-reloaded" in scene.node.program.log())
    assert is_open(scene, old) and is_shut(scene, new)
    scene.write("secret", OTHER_SECRET)
    scene.node.program.hang_up()
    await_true("the new key is in use", lambda: is_open(scene, new))
    await_true("the old key is not", lambda: is_shut(scene, old))
    # A worker that starts later has the new key, too.
    workers = [pid for pid in processes_of(scene.node.program.pid) if pid != scene.node.program.pid]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    stays.close()
    await_true("workers are back", lambda: is_back(scene, new))
    assert is_open(scene, new) and is_shut(scene, old)


def is_back(scene: Scene, token: str) -> bool:
    try:
        return is_open(scene, token)
    except (OSError, http.client.HTTPException):
        return False


def check_secrecy(scene: Scene) -> None:
    """Neither a token nor a key is in the log, whatever its level, or in a command line."""
    log = scene.node.program.log()
    assert "event=tokens-refused" in log and "event=tokens-expired" in log, log
    secrets = {SECRET, OTHER_SECRET}
    for token in scene.tokens:
        secrets |= {part for part in token.split(".") if len(part) > 16}
    lines = [
        pathlib.Path(f"/proc/{pid}/cmdline").read_text()
        for pid in processes_of(scene.node.program.pid)
    ]
    for secret in secrets:
        assert secret not in log, f"{secret} is in the log"
        assert base64url(secret.encode())[:20] not in log
        assert not any(secret in line for line in lines), f"{secret} is in a command line"


def check_start(programs: Programs, scene: Scene) -> None:
    """Mistakes are told at the start, with status 2."""
    readable = scene.write("readable", SECRET, 0o644)
    assert readable.stat().st_mode & stat.S_IROTH

    def complaint(*options: str | pathlib.Path) -> str:
        program = programs.start(
            "zcomet-webnode", *("--broker", scene.broker.listen, "--http", FREE_HTTP_PORT), *options
        )
        program.finish(TIMEOUT_S, status=2)
        return program.log()

    wanted: list[tuple[Sequence[str | pathlib.Path], str]] = [
        (["--auth", "token"], "want --token-keys FILE"),
        (["--token-keys", scene.secret_file], "give one of them"),
        (["--auth", "token", "--token-keys", readable], "others may read"),
        (["--auth", "token", "--token-keys", scene.folder / "none"], "No such file"),
        (["--auth", "token", "--token-keys", scene.folder], "no ordinary file"),
        (["--auth", "anyone"], "--auth"),
    ]
    for options, words in wanted:
        text = complaint(*options)
        assert words in text, (options, text)
        assert SECRET not in text
    for options, words in (
        (["--key", str(scene.secret_file)], "opens nothing"),
        (["--key", str(readable), "--ids", "a"], "read by others"),
        (["--key", str(scene.folder / "RS256.pub"), "--ids", "a"], "can sign"),
        (["--key", str(scene.secret_file), "--ids", "a b"], "--ids"),
    ):
        done = scene.ctl.run("token", *options)
        assert done.returncode == 2 and words in done.stderr, (options, done.stderr)


def check_said_at_start(programs: Programs, scene: Scene) -> None:
    public: Program = WebNode(programs, scene.broker.listen).await_ready().program
    assert "event=auth streams=public publishing=-" in public.log(), public.log()
    log = scene.node.program.log()
    assert "event=auth streams=token publishing=token" in log, log


def main() -> int:
    with Programs(sys.argv[1]) as programs, tempfile.TemporaryDirectory() as folder:
        scene = Scene(programs, pathlib.Path(folder))
        check_refusals(scene)
        check_listening_and_sending(scene)
        check_ends(scene)
        check_foreign(scene)
        check_start(programs, scene)
        check_said_at_start(programs, scene)
        check_new_keys(scene)
        check_secrecy(scene)
    print(f"{len(scene.tokens)} tokens did what they say, and no more")
    return 0


if __name__ == "__main__":
    sys.exit(main())
