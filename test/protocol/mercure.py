"""Clients of Mercure subscribe and publish at a web node, with tokens in both forms.

Public updates go to everybody, private ones to the bearers of tokens that name the topic. Streams
go on where they were, or begin with all that is kept. Symfony's publisher, where it is installed,
publishes as well.

usage: mercure.py BUILD      (the build directory)
"""

import http.client
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from typing import Any

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.lines import TIMEOUT_S, EventLines, Lines
from zcomet_lab.programs import Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

from tokens import SECRET, bearer, signed

HUB = "/.well-known/mercure"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOOK, OTHER = "https://example.com/books/1", "https://example.com/books/2"
# Symfony's own files, as Debian's php-symfony-mercure has them.
SYMFONY = pathlib.Path("/usr/share/php/Symfony/Component/Mercure/autoload.php")
PUBLISHER_IN_PHP = """
require $argv[1];
use Symfony\\Component\\Mercure\\{Hub, Update};
use Symfony\\Component\\Mercure\\Jwt\\StaticTokenProvider;
$hub = new Hub($argv[2], new StaticTokenProvider($argv[3]));
echo $hub->publish(new Update('https://example.com/books/1', 'from "PHP" & ü')), "\\n";
echo $hub->publish(new Update(['https://example.com/books/1'], 'secret', true, 'mine', 'tick', 5));
"""


def old_claims(publish: list[str] | None = None, subscribe: list[str] | None = None) -> str:
    """A token as publishers make it today."""
    named = {"publish": publish, "subscribe": subscribe}
    return signed(
        {
            "mercure": {name: topics for name, topics in named.items() if topics is not None},
            "exp": int(time.time()) + 600,
        }
    )


def new_claims(action: str, *topics: str) -> str:
    """A token as the newer specification has it (RFC 9396)."""
    detail = {
        "type": "mercure",
        "actions": [action],
        "topics": [{"match": topic} for topic in topics],
    }
    return signed({"authorization_details": [detail], "exp": int(time.time()) + 600})


def query(*topics: str, **more: str) -> str:
    return f"{HUB}?" + urllib.parse.urlencode(
        [("topic", topic) for topic in topics] + [*more.items()]
    )


class Subscriber:
    """The updates that come, as (event, data), and the id of the last one."""

    def __init__(self, host: str, target: str, headers: dict[str, str] | None = None) -> None:
        self._events = EventLines(host, target, headers)
        # From then on it misses nothing: the broker knows its topics, all of which have a history.
        self._first: list[tuple[str, str]] = [self._events.next_event()]

    def next(self) -> tuple[str, str]:
        while True:
            event = self._first.pop() if self._first else self._events.next_event()
            if event[0] != "position":
                return event

    @property
    def last_id(self) -> str:
        return self._events.last_id


class Scene:
    """A web node where everybody may listen, and bearers of tokens publish."""

    def __init__(self, programs: Programs, secret: pathlib.Path, auth: str = "public") -> None:
        self.broker = Broker(programs, "--history", "*=50,5m")
        self.ctl = Ctl(programs.path("zcomet-ctl"), "--broker", self.broker.listen)
        self.node = WebNode(
            programs,
            self.broker.listen,
            *("--auth", auth, "--api-auth", "token", "--token-keys", secret),
            *("--api", FREE_HTTP_PORT, "--workers", 1),
        )
        self.node.await_ready()
        self.http = self.node.http.removeprefix("http://")
        self.api = self.node.api.removeprefix("http://")
        self._publisher = old_claims(publish=["*"])

    def publish(self, *fields: tuple[str, str], token: str | None = None) -> tuple[int, str]:
        """The status and the text of the answer."""
        authorization = bearer(self._publisher if token is None else token)
        form = urllib.parse.urlencode(fields)
        return Backend(self.api).post(HUB, form, **FORM, **(authorization if token != "" else {}))

    def send(self, topic: str, data: str, *more: tuple[str, str]) -> str:
        """Publishes an update; returns its id."""
        status, text = self.publish(("topic", topic), ("data", data), *more)
        assert status == 200, (status, text)
        return text

    def head(self, target: str, headers: dict[str, str] | None = None) -> http.client.HTTPMessage:
        connection = http.client.HTTPConnection(self.http, timeout=TIMEOUT_S)
        connection.request("GET", target, headers=headers or {})
        answer = connection.getresponse()
        answer.headers["Status"] = str(answer.status)
        connection.close()
        return answer.headers

    def await_streams(self, count: int) -> None:
        await_true("the streams are open", lambda: self.node.counters()["streams"] >= count)


def check_public(scene: Scene) -> None:
    one = Subscriber(scene.http, query(BOOK))
    both = Subscriber(scene.http, f"{HUB}?match={BOOK}&match_exact={OTHER}")
    plain = Lines(scene.http, "/lines/chat")
    chat = Subscriber(scene.http, query("chat"))
    scene.await_streams(4)
    update_id = scene.send(BOOK, "one\ntwo", ("type", "changed"), ("id", "urn:x"), ("retry", "100"))
    for stream in (one, both):
        assert stream.next() == ("changed", "one")
        assert stream.next() == ("message", "two")  # the second line of the same event
        assert stream.last_id == update_id, (stream.last_id, update_id)
    scene.send(OTHER, "other")
    assert both.next() == ("message", "other")
    # A topic that is an id is that id.
    scene.send("chat", "hello")
    assert json.loads(plain.next())["data"] == "hello"
    assert chat.next() == ("message", "hello")
    scene.ctl.send("chat", "from ctl")
    assert chat.next() == ("message", "from ctl")


def check_refusals(scene: Scene) -> None:
    topic = ("topic", BOOK)
    assert scene.publish(topic, token="")[0] == 401
    assert scene.publish(topic, token=signed({}, "another secret of thirty-two bytes"))[0] == 401
    assert scene.publish(topic, token=old_claims(subscribe=["*"]))[0] == 403
    assert scene.publish(topic, token=old_claims(publish=[OTHER]))[0] == 403
    assert scene.publish(topic, token=new_claims("subscribe", "*"))[0] == 403
    assert scene.publish(topic, ("topic", OTHER), token=old_claims(publish=[BOOK]))[0] == 403
    assert scene.publish(topic, token=old_claims(publish=[BOOK]))[0] == 200
    assert scene.publish(topic, token=new_claims("publish", BOOK))[0] == 200
    assert scene.publish(topic, token=signed({"publish": ["*"]}))[0] == 200
    assert scene.publish(("data", "x"))[0] == 400
    assert scene.publish(("topic", "*"))[0] == 400
    assert scene.publish(topic, ("data", "x" * 65_537))[0] == 413
    bad = scene.head(query(BOOK), bearer(signed({}, "another secret of thirty-two bytes")))
    assert (bad["Status"], bad["WWW-Authenticate"]) == ("401", 'Bearer error="invalid_token"')
    bad = scene.head(f"{HUB}?matchURLPattern=a")
    assert (bad["Status"], bad["WWW-Authenticate"]) == ("400", 'Bearer error="invalid_request"')


def check_private(scene: Scene) -> None:
    """A private update goes to those whose token names its topic, in each place of a token."""
    tokens: list[tuple[str, dict[str, str]]] = [
        ("", bearer(old_claims(subscribe=[BOOK]))),
        ("", bearer(old_claims(subscribe=["*"]))),
        ("", bearer(new_claims("subscribe", BOOK))),
        ("", {"Cookie": f"mercureAuthorization={old_claims(subscribe=[BOOK])}"}),
        (f"&authorization={old_claims(subscribe=[BOOK])}", {}),
        (f"&access_token={new_claims('subscribe', OTHER, BOOK)}", {}),
    ]
    may = [Subscriber(scene.http, query(BOOK) + more, headers) for more, headers in tokens]
    outsiders: list[dict[str, str]] = [
        {},
        bearer(old_claims(subscribe=[OTHER])),
        bearer(old_claims(publish=["*"])),
        bearer(signed({"ids": ["*"], "sub": BOOK})),
    ]
    may_not = [Subscriber(scene.http, query(BOOK), headers) for headers in outsiders]
    scene.send(BOOK, "secret", ("private", "on"))
    scene.send(BOOK, "for all")
    for stream in may:
        assert stream.next() == ("message", "secret")
        assert stream.next() == ("message", "for all")
    for stream in may_not:
        assert stream.next() == ("message", "for all")
    # No other way leads there, not for the bearer of any token either.
    scene.send("chat", "secret", ("private", "on"))
    for target in ("/test/~:chat", "/events/~:chat", "/lines?id=~:chat", "/poll/~:chat"):
        assert scene.head(target)["Status"] == "403", target
    everything = bearer(signed({"ids": ["*"], "publish": ["*"]}))
    connection = http.client.HTTPConnection(scene.api, timeout=TIMEOUT_S)
    connection.request("GET", "/history/~:chat", headers=everything)
    assert connection.getresponse().status == 403


def check_cursors(scene: Scene) -> None:
    """What is kept comes to a stream that was away, private updates to those who may have them."""
    topic = "https://example.com/cursors"
    ids = [scene.send(topic, str(number)) for number in range(3)]
    scene.send(topic, "secret", ("private", ""))
    last = scene.send(topic, "last")
    earliest = [("lastEventID", "earliest"), ("last_event_id", "earliest")]
    for name, value in [*earliest, ("lastEventID", ids[0]), ("last_event_id", ids[0])]:
        stream = Subscriber(scene.http, query(topic, **{name: value}))
        wanted = ["0"] if value == "earliest" else []
        for data in [*wanted, "1", "2", "last"]:
            assert stream.next() == ("message", data)
        assert stream.last_id == last
    bearers = bearer(old_claims(subscribe=[topic]))
    stream = Subscriber(scene.http, query(topic), bearers | {"Last-Event-ID": ids[1]})
    assert [stream.next()[1] for _ in range(3)] == ["2", "secret", "last"]
    stream = Subscriber(scene.http, query(topic), {"Last-Event-ID": "urn:uuid:of-another-hub"})
    name, gap = stream.next()
    assert name == "gap" and json.loads(gap)["reason"] == "cursor", (name, gap)
    head = scene.head(query(topic), {"Last-Event-ID": ids[1]})
    assert head["Last-Event-ID"] == head["Mercure-Last-Event-ID"] == "earliest"
    assert "Last-Event-ID" not in scene.head(query(topic))


def check_symfony(scene: Scene) -> None:
    if shutil.which("php") is None or not SYMFONY.exists():
        print("without Symfony's publisher: php-cli and php-symfony-mercure are not installed")
        return
    stream = Subscriber(scene.http, query(BOOK), bearer(old_claims(subscribe=[BOOK])))
    done = subprocess.run(
        ["php", "-r", PUBLISHER_IN_PHP, "--", str(SYMFONY), f"http://{scene.api}{HUB}"]
        + [old_claims(publish=["*"])],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert stream.next() == ("message", 'from "PHP" & ü')
    assert stream.next() == ("tick", "secret")
    assert done.stdout.splitlines()[1] == stream.last_id, done.stdout


def check_strict(scene: Scene) -> None:
    """With --auth token nobody listens without one, and a topic that is an id needs it, too."""
    assert scene.head(query(BOOK))["Status"] == "401"
    cases: list[tuple[str, dict[str, Any], str]] = [
        (BOOK, {"mercure": {"subscribe": [BOOK]}}, "200"),
        (BOOK, {"mercure": {"subscribe": [OTHER]}}, "403"),
        ("chat", {"mercure": {"subscribe": ["chat"]}}, "200"),
        ("chat", {"ids": ["ch*"]}, "200"),
        ("chat", {"ids": ["x"]}, "403"),
    ]
    for topic, claims, status in cases:
        head = scene.head(query(topic), bearer(signed(claims)))
        assert head["Status"] == status, (topic, claims, head["Status"])
    assert scene.head("/events/chat", bearer(old_claims(subscribe=["chat"])))["Status"] == "403"


def check_made_tokens(scene: Scene, secret: pathlib.Path) -> None:
    """zcomet-ctl token makes tokens for topics: private updates too, and no other topic."""

    def token(*options: str) -> str:
        done = scene.ctl.run("token", "--key", str(secret), *options)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    listener = Subscriber(scene.http, query(BOOK), bearer(token("--topics", BOOK)))
    publisher = token("--publish-topics", BOOK)
    update = (("data", "made"), ("private", "on"))
    status, text = scene.publish(("topic", OTHER), *update, token=publisher)
    assert status == 403, text
    status, text = scene.publish(("topic", BOOK), *update, token=publisher)
    assert status == 200, text
    assert listener.next() == ("message", "made")


def main() -> None:
    with Programs(sys.argv[1]) as programs, tempfile.TemporaryDirectory() as folder:
        secret = pathlib.Path(folder) / "secret"
        secret.touch(0o600)
        secret.write_text(SECRET)
        scene = Scene(programs, secret)
        check_public(scene)
        check_refusals(scene)
        check_private(scene)
        check_cursors(scene)
        check_symfony(scene)
        check_made_tokens(scene, secret)
        check_strict(Scene(programs, secret, "token"))
    print("updates came to all who may have them, and to nobody else")


if __name__ == "__main__":
    main()
