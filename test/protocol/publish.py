"""Backends publish by HTTP, and streams of every format show it, whatever happens to the broker.

usage: publish.py BUILD      (the build directory)
"""

import http.client
import json
import os
import signal
import sys
import threading
from typing import Any

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker
from zcomet_lab.ctl import Ctl
from zcomet_lab.lines import TIMEOUT_S, Lines
from zcomet_lab.programs import Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

import zmtp

FORMATS = ["test", "events", "lines"]
CLIENTS, MESSAGES = 4, 200
MESSAGE_BYTES_MAX = 65_536
READ_BYTES = 65_536


def check_formats(http_host: str, ctl: Ctl, backend: Backend) -> None:
    streams = {name: Lines(http_host, f"/{name}/{name}") for name in FORMATS}
    ctl.await_logins(FORMATS)
    status, answer = backend.post("/send", json.dumps({"ids": FORMATS, "data": "one\ntwo"}))
    assert status == 200, (status, answer)
    assert json.loads(answer) == {"line": 1, "nodes": dict.fromkeys(FORMATS, 1)}, answer

    assert streams["events"].next().startswith("retry: ")
    assert streams["events"].next() == "data: one"
    assert streams["events"].next() == "data: two"
    assert streams["lines"].next() == '{"id":"lines","data":"one\\ntwo"}'
    assert streams["test"].next() == "Recvd msg #1: 'one"
    assert streams["test"].next() == "two'<br/>"


def check_events(http_host: str, ctl: Ctl, backend: Backend) -> None:
    """A backend, a line of a batch and an operator each name the kind of event."""
    events, lines = Lines(http_host, "/events/e1"), Lines(http_host, "/lines/e2")
    ctl.await_logins(["e1", "e2"])
    for user_id in ("e1", "e2"):
        status, answer = backend.post(f"/send/{user_id}", "1", **{"Zcomet-Event": "tick"})
        assert status == 200, (status, answer)
        line = json.dumps({"id": user_id, "data": "2", "event": "gr\u00fc\u00dfe"})
        backend.post("/send", line)
        ctl.run("send", "--event", "tock", user_id, "3")
    assert events.next().startswith("retry: ")
    for event, data in (("tick", "1"), ("gr\u00fc\u00dfe", "2"), ("tock", "3")):
        assert events.next() == f"event: {event}"
        assert events.next() == f"data: {data}"
        assert json.loads(lines.next()) == {"id": "e2", "event": event, "data": data}


def check_order(http_host: str, ctl: Ctl, api: str) -> None:
    """Many backends at a time: each one's messages come in its order, and none is missing."""
    stream = Lines(http_host, "/lines/order")
    ctl.await_logins(["order"])

    def publish(client: int) -> None:
        backend = Backend(api)
        for number in range(MESSAGES):
            backend.send("order", f"{client} {number}")

    backends = [threading.Thread(target=publish, args=(n,)) for n in range(CLIENTS)]
    for thread in backends:
        thread.start()
    heard: dict[str, list[int]] = {}
    while sum(map(len, heard.values())) < CLIENTS * MESSAGES:
        client, number = json.loads(stream.next())["data"].split()
        heard.setdefault(client, []).append(int(number))
    for thread in backends:
        thread.join()
    assert all(numbers == list(range(MESSAGES)) for numbers in heard.values()), heard


def check_chunks(http_host: str, ctl: Ctl, api: str) -> None:
    """A body may come in pieces, without its length, and be as long as one with it."""
    stream = Lines(http_host, "/lines/pieces")
    ctl.await_logins(["pieces"])
    connection = http.client.HTTPConnection(api, timeout=TIMEOUT_S)
    line = json.dumps({"id": "pieces", "data": "a line"}) + "\n"
    bodies = {
        "/send/pieces": [b"one ", b"message"],
        "/send": [line.encode()] * 2,
        "/send/pieces?": [b"x" * MESSAGE_BYTES_MAX],
    }
    for path, pieces in bodies.items():
        # http.client sends each piece as a chunk.
        connection.request("POST", path, iter(pieces))
        answer = connection.getresponse()
        assert answer.status == 200, (path, answer.status, answer.read())
        answer.read()
    shown = [json.loads(stream.next())["data"] for _ in range(4)]
    assert shown == ["one message", "a line", "a line", "x" * MESSAGE_BYTES_MAX], shown
    # One byte too many is refused when its chunk is announced; the rest need not come.
    head = b"POST /send/pieces HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    for said, status in (
        (b"%x\r\n%s\r\n1\r\n" % (MESSAGE_BYTES_MAX, b"x" * MESSAGE_BYTES_MAX), 413),
        (b"5;\r\n", 400),
    ):
        with zmtp.connect(f"http://{api}") as peer:
            peer.sendall(head + said)
            told = peer.recv(READ_BYTES)
            assert told.startswith(b"HTTP/1.1 %d " % status), told


def check_batch(backend: Backend) -> None:
    lines = '{"id":"nobody","data":"a"}\n{"ids":["x","nobody"],"data":"b"}\n{}\n'
    status, answer = backend.post("/send", lines)
    told = [json.loads(line) for line in answer.splitlines()]
    assert status == 200 and len(told) == 3, (status, answer)
    assert told[1]["nodes"]["nobody"] == 0, told
    assert "error" in told[2], told


def check_repeats(http_host: str, ctl: Ctl, api: str) -> None:
    """A client repeats its requests, to other workers and after a worker has died."""
    stream = Lines(http_host, "/lines/once")
    ctl.await_logins(["once"])
    for number in range(20):
        # Each connection may be to another worker.
        answers = [
            Backend(api).post(
                "/send/once",
                str(number),
                **{"Idempotency-Key": f"key {number}", "Zcomet-Wait": "nodes"},
            )
            for _ in range(3)
        ]
        assert answers == [(200, '{"id":"once","nodes":1}\n')] * 3, answers
    status, _ = Backend(api).post("/send/once", "other", **{"Idempotency-Key": "key 7"})
    assert status == 422, status
    lines = "\n".join(json.dumps({"id": "once", "data": text}) for text in ("a", "b"))
    batches = [Backend(api).post("/send", lines, **{"Idempotency-Key": "key 7"}) for _ in range(3)]
    assert batches == [batches[0]] * 3, batches
    other = lines.replace('"b"', '"c"')
    _, answer = Backend(api).post("/send", other, **{"Idempotency-Key": "key 7"})
    assert ["error" in json.loads(line) for line in answer.splitlines()] == [False, True], answer
    Backend(api).send("once", "end")
    shown = [json.loads(stream.next())["data"] for _ in range(23)]
    assert shown == [*map(str, range(20)), "a", "b", "end"], shown
    ledger = ctl.json("ledger")["messages"]
    assert (ledger["known"], ledger["remainder"]) == (47, 0), ledger


def check_who(http_host: str, ctl: Ctl, backend: Backend) -> None:
    """The streams of an id are counted, whichever workers have them."""
    streams = [Lines(http_host, "/lines/many") for _ in range(5)]
    await_true("all streams are counted", lambda: streams_of(backend, "many") == 5)
    assert who(backend, "many")["nodes"] == ctl.json("who", "many")["nodes"]
    assert who(backend, "nobody") == {"id": "nobody", "nodes": [], "streams": 0}
    assert backend.get("/who/no%20id")[0] == 400
    streams.pop().close()
    await_true("a closed stream is not counted", lambda: streams_of(backend, "many") == 4)


def who(backend: Backend, user_id: str) -> dict[str, Any]:
    status, answer = backend.get(f"/who/{user_id}")
    assert status == 200, (status, answer)
    told: dict[str, Any] = json.loads(answer)
    return told


def streams_of(backend: Backend, user_id: str) -> int:
    return int(who(backend, user_id)["streams"])


def check_pages(http_host: str, api: str, ctl: Ctl) -> None:
    """The demo page may send; a page of another site may not, by whatever name it comes."""
    stream = Lines(http_host, "/lines/demo")
    ctl.await_logins(["demo"])
    evil = "http://evil.example"
    for headers in ({"Origin": evil}, {"Origin": "null"}, {"Origin": f"http://{api}"}):
        assert Backend(api).post("/send/demo", "evil", **headers)[0] == 403, headers
    assert Backend(api).post("/send", "x" * 10, Origin=evil)[0] == 403
    page = f"http://{http_host}"
    connection = http.client.HTTPConnection(api, timeout=TIMEOUT_S)
    connection.request("POST", "/send/demo", b"good", {"Origin": page})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    assert answer.headers["Access-Control-Allow-Origin"] == page, answer.headers
    assert json.loads(stream.next())["data"] == "good"

    connection = http.client.HTTPConnection(http_host, timeout=TIMEOUT_S)
    for host, status in ((http_host, 200), ("comet.example", 421)):
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == status, (host, answer.status)
        assert (f'content="http://{api}"' in text) == (status == 200), text


def check_lost_broker(programs: Programs, broker: Broker, backend: Backend) -> None:
    os.kill(broker.program.pid, signal.SIGKILL)
    await_true("it is said that there is no broker", lambda: status_of(backend) == 503)
    Broker(programs, listen=broker.listen, feed=broker.feed)
    await_true("it is back", lambda: status_of(backend) in (200, 202))


def status_of(backend: Backend) -> int:
    return backend.post("/send/x", "ping")[0]


def main() -> int:
    with Programs(sys.argv[1]) as programs:
        broker = Broker(programs)
        web_node = programs.start(
            "zcomet-webnode",
            *("--broker", broker.listen, "--http", FREE_HTTP_PORT, "--api", FREE_HTTP_PORT),
            *("--workers", 2, "--per-address", 0),
        )
        ready = web_node.await_ready()
        http_host, api = (ready[name].removeprefix("http://") for name in ("http", "api"))
        backend = Backend(api)
        check_formats(http_host, broker.ctl, backend)
        check_events(http_host, broker.ctl, backend)
        check_order(http_host, broker.ctl, api)
        check_batch(backend)
        check_chunks(http_host, broker.ctl, api)
        check_repeats(http_host, broker.ctl, api)
        check_who(http_host, broker.ctl, backend)
        check_pages(http_host, api, broker.ctl)
        check_lost_broker(programs, broker, backend)
    print(f"{CLIENTS * MESSAGES} messages of {CLIENTS} backends came in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
