"""Writes the inputs that the fuzzers begin with.

There is one of each frame, scripts for the router and the sessions that join, send and fail in the
usual ways, HTTP requests, chunked bodies, cluster files, hosts, what proxies say, tokens, answers
of hooks, key files, forms of Mercure and requests of ZAP. Each file is named for what it is.
Those in the corpus whose names are hashes were found by a fuzzer.

usage: PYTHONPATH=test/protocol python3 test/fuzz/make_corpus.py FOLDER
Writes to a folder of FOLDER for each target.
"""

import pathlib
import struct
import sys
from collections.abc import Mapping

import wire

TOKEN = wire.u64(7)


def error(version: int) -> bytes:
    return (
        b"ZC"
        + bytes([version, wire.ERROR])
        + struct.pack(">H", 4)
        + bytes([wire.SEND])
        + wire.str8(b"say HELLO")
    )


WIRE = {
    "hello-node": wire.hello(1, wire.NODE, b"n"),
    "hello-sender": wire.hello(1, wire.SENDER, b"n", 9),
    "goodbye": wire.header(wire.GOODBYE),
    "heartbeat": wire.heartbeat(1, 2, 3),
    "login": wire.login(1, b"123", b"a@b.c", b"x" * 64),
    "login-of-none": wire.login(1),
    "login-huge-count": wire.login(1, b"123").replace(wire.u32(1), b"\xff" * 4),
    "login-bad-id": wire.login(1, b"a b"),
    "logout": wire.login(2, b"123").replace(b"\x10", bytes([wire.LOGOUT]), 1),
    "list": wire.login_list(3, b"1", b"2"),
    "resend": wire.resend(1, 1, 2),
    "send": wire.send(1, [(b"123", b"hi"), (b"456", b"")], receipt=True),
    "send-with-attributes": wire.send(
        1,
        [(b"123", b"hi"), (b"456", b"")],
        acknowledge=True,
        block=wire.attributes(
            (wire.EVENT, b"tick"),
            (wire.CONTENT_TYPE, b"text/plain"),
            (wire.PRIVATE, b""),
            (wire.TRACE_ID, b"0123456789abcdef"),
            (200, b"of a later release"),
        ),
    ),
    "send-without-any-attributes": wire.send(1, [(b"123", b"hi")], block=b""),
    "send-cut-short": wire.send(1, [(b"123", b"hi")])[:-1],
    "ping": wire.header(wire.PING) + TOKEN,
    "query": wire.query(7, b"who", b"123"),
    "query-streams": wire.query(7, b"streams", b"123"),
    "batch": wire.batch(5, 1, [(b"123", b"hi")]),
    "batch-with-position": wire.batch(
        5, 1, [(b"123", b"hi")], block=wire.attributes((wire.POSITION, wire.u64(9)))
    ),
    "batch-empty": wire.batch(5, 1, []),
    "batch-shed": wire.batch(5, 9, [], flags=1, tail=wire.u64(3)),
    "welcome-node": wire.welcome(wire.node_part(b"tcp://*:5556", 8)),
    "welcome-sender": wire.welcome(wire.u32(65536) + wire.u64(0)),
    "credit": wire.header(wire.CREDIT) + wire.u64(9),
    "receipt": wire.receipt(1, 0, 3),
    "receipt-with-positions": wire.receipt(1, 0, 3, epoch=5, positions=[9, 0]),
    "receipt-of-keys": wire.receipt(1, wire.OTHER_MESSAGE, wire.UNDER_WAY, 0xFFFFFFFF),
    "send-with-key": wire.send(
        1, [(b"123", b"hi")], receipt=True, block=wire.attributes((wire.KEY, b"0123456789abcdef"))
    ),
    "receipt-with-empty-positions": wire.receipt(1, 0, 3, epoch=5, positions=[0, 0]),
    "history": wire.history(7, 5, 9, b"123", b"456", flags=1),
    "history-newest": wire.history(7, 0, 0, b"123", flags=2),
    "history-of-none": wire.history(7, 5, 9),
    "kept": wire.header(wire.KEPT)
    + TOKEN
    + bytes([0, 1])
    + b"".join(map(wire.u64, (5, 1, 9, 3)))
    + wire.u32(1)
    + wire.u64(0) * 2
    + wire.message_body([(b"123", b"hi")], wire.attributes((wire.POSITION, wire.u64(9)))),
    "pong": wire.header(wire.PONG) + TOKEN,
    "answer": wire.answer(7, b"{}"),
    "error": error(1),
    "error-of-version-9": error(9),
    "version-2": b"ZC\x02\x40" + TOKEN,
    "unknown-kind": wire.header(0x7F),
    "no-signature": b"GET / HTTP/1.1\r\n\r\n",
    "nothing": b"",
}


class Script:
    """Commands for the router's target: see Script::step() in router.cpp."""

    def __init__(self) -> None:
        self.bytes = b""

    def add(self, command: int, connection: int, *more: int) -> "Script":
        self.bytes += bytes([command, connection, *more])
        return self

    def raw(self, connection: int, frame: bytes) -> "Script":
        self.add(0, connection, len(frame) % 256, len(frame) // 256)
        self.bytes += frame
        return self

    def hello(self, connection: int, role: int, name: int, incarnation: int) -> "Script":
        return self.add(1, connection, (role == wire.SENDER) + 2 * name + 8 * incarnation)

    def live_node(self, connection: int, name: int, incarnation: int) -> "Script":
        return self.hello(connection, wire.NODE, name, incarnation).subscribe(incarnation).turn()

    def sender(self, connection: int, incarnation: int) -> "Script":
        return self.hello(connection, wire.SENDER, 0, incarnation)

    def login(self, connection: int, *ids: int) -> "Script":
        return self.add(2, connection, len(ids), *ids, 0)

    def logout(self, connection: int, *ids: int) -> "Script":
        return self.add(3, connection, len(ids), *ids, 0)

    def list(self, connection: int, part: int, *ids: int) -> "Script":
        return self.add(4, connection, part, 0, len(ids), *ids)

    def send(
        self, connection: int, *ids: int, size: int = 2, shift: int = 0, receipt: int = 0
    ) -> "Script":
        return self.add(5, connection, receipt + 2 * (len(ids) - 1) + 16 * shift, size, *ids, 0)

    def heartbeat(self, connection: int, feed: int) -> "Script":
        return self.add(6, connection, feed, 0)

    def resend(self, connection: int, number: int) -> "Script":
        return self.add(7, connection, number - 1, 0)

    def goodbye(self, connection: int) -> "Script":
        return self.add(8, connection)

    def query(self, connection: int, what: int, user_id: int = 0) -> "Script":
        return self.add(9, connection, what, *([user_id] if what == 1 else []))

    def streams(self, connection: int, user_id: int) -> "Script":
        """Asks how many streams an id has."""
        return self.add(9, connection, 81, user_id)

    def page(self, connection: int, first: int) -> "Script":
        """Asks for the nodes from a peer on: 130 is 0 modulo the number of queries."""
        return self.add(9, connection, 130, first)

    def ping(self, connection: int) -> "Script":
        return self.add(10, connection, 7)

    def subscribe(self, incarnation: int) -> "Script":
        return self.add(11, 0, 2 * incarnation)

    def unsubscribe(self, incarnation: int) -> "Script":
        return self.add(11, 0, 2 * incarnation + 1)

    def wait_ms(self, time: int) -> "Script":
        return self.add(12, 0, time)

    def wait_100ms(self, count: int) -> "Script":
        return self.add(13, 0, count)

    def unreachable(self) -> "Script":
        return self.add(14, 0, 0)

    def turn(self) -> "Script":
        return self.add(15, 0)


def one_node() -> Script:
    return Script().live_node(0, 0, 0).login(0, 1, 2, 3).sender(1, 1)


def flood(script: Script, rounds: int) -> Script:
    """Adds messages of 32,640 bytes, eight at a time, until windows and bounds are full."""
    for _ in range(rounds):
        script.send(1, *[1] * 8, size=255, shift=7)
    return script


ROUTER = {
    "send-to-a-node": one_node().send(1, 1, 9, receipt=1).wait_ms(1).heartbeat(0, 1),
    "streams": one_node()
    .streams(2, 1)
    .raw(0, wire.answer(1, b"3"))
    .streams(2, 9)
    .streams(2, 2)
    .wait_100ms(11),
    "logout": one_node().logout(0, 1).send(1, 1, receipt=1).query(2, 1, 1),
    "list": one_node().list(0, 1, 4).list(0, 2, 5).send(1, 4, 5, receipt=1).query(2, 1, 5),
    "list-broken-off": one_node().list(0, 1, 4).login(0, 6).heartbeat(0, 0).list(0, 3, 7),
    "change-missing": one_node().add(2, 0, 1, 5, 0xFC).heartbeat(0, 0).list(0, 3, 1),
    "resend": one_node().send(1, 1).wait_ms(1).resend(0, 1).wait_ms(1).heartbeat(0, 1).wait_ms(1),
    "shed": flood(one_node(), 12)
    .wait_ms(9)
    .heartbeat(0, 1)
    .wait_ms(9)
    .heartbeat(0, 255)
    .wait_ms(1),
    "slow-node": flood(one_node(), 2).wait_ms(200).heartbeat(1, 0).wait_100ms(9).wait_100ms(9),
    "late-subscription": Script()
    .hello(0, wire.NODE, 0, 0)
    .login(0, 1)
    .sender(1, 1)
    .send(1, 1)
    .wait_ms(1)
    .subscribe(0)
    .wait_ms(1)
    .unsubscribe(0)
    .send(1, 1)
    .wait_ms(1)
    .subscribe(0)
    .wait_ms(1),
    "node-dies": one_node().wait_100ms(9).ping(1).wait_100ms(9).wait_100ms(9).wait_100ms(9),
    "node-leaves": one_node().goodbye(0).send(1, 1).query(2, 0).query(2, 2),
    "node-leaves-with-messages-waiting": one_node().send(1, 1).goodbye(0).wait_ms(1),
    "sender-leaves-with-credit-owed": flood(one_node(), 1).goodbye(1).wait_ms(1),
    "replaced": one_node()
    .hello(2, wire.NODE, 0, 3)
    .login(0, 1)
    .hello(0, wire.NODE, 0, 0)
    .query(3, 0),
    "reconnects": one_node().hello(4, wire.NODE, 0, 0).login(4, 7).login(0, 8),
    "other-role": one_node()
    .hello(0, wire.SENDER, 0, 0)
    .hello(0, wire.NODE, 1, 0)
    .send(0, 1)
    .login(1, 1),
    "one-connection-many-peers": Script()
    .hello(0, wire.NODE, 0, 0)
    .hello(0, wire.SENDER, 1, 1)
    .hello(0, wire.NODE, 2, 2),
    "too-many-peers": Script()
    .hello(0, wire.NODE, 0, 0)
    .hello(1, wire.NODE, 1, 1)
    .hello(2, wire.NODE, 2, 2)
    .hello(3, wire.NODE, 3, 3)
    .sender(4, 4)
    .sender(5, 5)
    .sender(6, 6)
    .wait_ms(1),
    "sends-twice": one_node().send(1, 1).add(5, 1, 1, 2, 1, 0xFE).wait_ms(1),
    "unreachable": one_node().unreachable().ping(2).query(2, 2).login(5, 1).wait_ms(1),
    "pages": one_node().query(2, 0).page(2, 0).page(2, 1).page(2, 200).query(2, 4).wait_ms(1),
    "many-errors": Script()
    .raw(0, b"")
    .raw(0, b"ZC")
    .raw(0, wire.header(0x7F))
    .login(0, 1)
    .send(0, 1)
    .raw(0, b"ZC\x02\x01")
    .raw(0, wire.login(1, b""))
    .raw(0, wire.batch(5, 1, []))
    .query(0, 3)
    .resend(0, 1)
    .goodbye(0)
    .heartbeat(0, 1)
    .wait_100ms(11)
    .raw(0, b"x"),
    "last-number": one_node()
    .raw(1, wire.send(2**64 - 1, [(b"1", b"x")]))
    .raw(1, wire.send(5, [(b"1", b"x")]))
    .raw(0, wire.login_list(2**64 - 1, b"1"))
    .raw(0, wire.login(1, b"1"))
    .heartbeat(0, 0),
}


class Session:
    """Commands for the targets of the sessions: see Script::step() in node_session.cpp and
    sender_session.cpp."""

    def __init__(self) -> None:
        self.bytes = b""

    def add(self, command: int, *more: int) -> "Session":
        self.bytes += bytes([command, *more])
        return self

    def raw(self, frame: bytes, command: int = 0) -> "Session":
        self.add(command, len(frame) % 256, len(frame) // 256)
        self.bytes += frame
        return self

    def wait_ms(self, time: int) -> "Session":
        return self.add(13, time)

    def wait_100ms(self, count: int) -> "Session":
        return self.add(14, count)

    def goodbye(self) -> "Session":
        return self.add(15, 0xFF)


def node() -> Session:
    """A node whose feed is live."""
    return Session().add(2, 1, 0, 0).add(8, 0, 0)


def sender(window_kib: int = 64, incarnation: int = 0) -> Session:
    return Session().add(1, incarnation, window_kib, 0, 0)


# Operands of a node's: feed, changes, number of a batch, messages.
NODE_SESSION = {
    "login-and-logout": node().add(10, 1).wait_ms(9).add(10, 2).add(10, 1).wait_ms(9).goodbye(),
    "logins-before-the-broker": Session().add(10, 1).add(10, 2).add(2, 1, 0, 0).wait_ms(1),
    "batches": node().add(6, 0, 0, 1, 0, 0).add(6, 0, 1, 0, 0).wait_ms(9).wait_100ms(11),
    "gap": node().add(6, 0, 4, 0, 0).wait_100ms(2).add(6, 0, 4, 0, 0).add(6, 0, 0, 0, 0),
    "shed": node().add(9, 0, 0, 3, 7).add(6, 0, 4, 0, 0).wait_100ms(11),
    "repeat": node().add(6, 0, 0, 0, 0).add(6, 0, 0, 0, 0),
    "seen-before": node().add(7, 0, 0, 0, 1, 1, 2).add(7, 0, 0, 1, 2, 1, 2, 3).wait_ms(9),
    "last-number": node().add(7, 0, 0, 0, 0, 0xFF, *[0xFF] * 8).wait_ms(9),
    "another-feed": node().add(2, 1, 1, 0).add(6, 0, 0, 0, 0).add(6, 1, 0, 0, 0),
    "silence": node().add(10, 1).wait_100ms(40).add(2, 1, 0, 0).add(8, 0, 0).wait_ms(1),
    "hello-first": node().add(3, 4, 0).wait_100ms(11).add(2, 1, 0, 0),
    "list-needed": node().add(10, 1).wait_ms(9).add(3, 6, 0).wait_ms(1).add(4, 2),
    "no-room-for-ids": node().add(10, 1).wait_ms(1).add(3, 10, 0x10).add(12).wait_ms(1),
    "replaced": node().add(3, 7, 1).wait_100ms(99),
    "confirm": node().add(10, 1).add(12).add(5, 1).add(5, 2).wait_ms(1),
    "reconnects": node().add(11).add(12).wait_100ms(11).add(2, 2, 0, 1).add(15, 0),
    "not-for-nodes": node().raw(b"").raw(wire.header(wire.CREDIT) + wire.u64(9)),
    "goodbye-at-once": Session().goodbye(),
}

# Operands of a sender's: how a message is sent and its size; a number and counts of nodes.
SENDER_SESSION = {
    "send": sender().add(9, 0, 5).wait_ms(9).add(4, 1).wait_100ms(11).goodbye(),
    "receipt": sender().add(9, 1, 5).wait_ms(9).add(5, 1, 0, 2).add(5, 1, 0, 2),
    "acknowledgement": sender().add(9, 2, 5).wait_ms(9).add(7, 1, 0, 1).add(7, 1, 0, 1),
    "one-frame": sender().add(9, 2, 5).add(9, 2, 6).wait_ms(9).add(7, 1, 1, 1, 2),
    "window": sender().add(9, 24, 255).add(9, 24, 255).add(9, 24, 255).wait_ms(9).add(4, 0x80),
    "send-again": sender()
    .add(9, 2, 5)
    .wait_ms(9)
    .add(9, 26, 255)
    .wait_ms(9)
    .wait_100ms(40)
    .add(1, 1, 64, 0, 1)
    .wait_100ms(2)
    .add(4, 0x80)
    .add(7, 1, 0, 1),
    "answer-overdue": sender()
    .add(9, 2, 5)
    .wait_ms(9)
    .add(3, 0)
    .wait_100ms(29)
    .add(3, 0)
    .wait_100ms(29)
    .add(3, 0)
    .wait_100ms(29),
    "hello-first": sender().add(9, 0, 5).wait_ms(9).add(2, 4, 0).wait_100ms(11),
    "overloaded": sender().add(2, 10, 0).wait_100ms(99),
    "reconnects": sender().add(9, 2, 5).add(12).wait_100ms(40).add(12),
    "flush": sender().add(9, 0, 5).add(15, 0).goodbye(),
    "wrong-answers": sender().add(5, 9, 0, 1).add(7, 9, 0, 1).add(4, 0xFF, *[0xFF] * 8),
    "not-for-senders": sender().raw(b"").raw(wire.batch(5, 1, [])),
}


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode() + body


def in_chunks(body: bytes) -> bytes:
    return request("POST /a HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=body)


HTTP = {
    "stream": request("GET /test/123 HTTP/1.1", "Host: a"),
    "stream-http-1.0": request("GET /test/123 HTTP/1.0"),
    "stream-bad-id": request("GET /test/a%20b HTTP/1.1", "Host: a"),
    "stream-query": request("GET /test/1?a=b?c HTTP/1.1", "Host: a", "Connection: close"),
    "stream-head": request("HEAD /test/123 HTTP/1.1", "Host: a"),
    "absolute-form": request("GET http://a/test/1 HTTP/1.1", "Host: a"),
    "absolute-form-capitals": request("GET HTTP://[::1]:80/test/1?a HTTP/1.1", "Host: a"),
    "other-scheme": request("GET ftp://a/test/1 HTTP/1.1", "Host: a"),
    "star": request("GET * HTTP/1.1", "Host: a"),
    "fragment": request("GET /test/1#a HTTP/1.1", "Host: a"),
    "dot-segments": request("GET /test/%2e%2E/x/./..?a HTTP/1.1", "Host: a"),
    "escape-of-unicode": request("GET /test/%u0031 HTTP/1.1", "Host: a"),
    "utf-8-in-path": request("GET /test/\xfc HTTP/1.1", "Host: a"),
    "no-host": request("GET /test/1 HTTP/1.1"),
    "two-hosts": request("GET /test/1 HTTP/1.1", "Host: a", "Host: b"),
    "host-of-ipv6": request("GET /test/1 HTTP/1.1", "Host: [2001:db8::1]:8000"),
    "bad-host": request("GET /test/1 HTTP/1.1", "Host: a b/<x>"),
    "head-refused": request("HEAD /test/1 HTTP/1.1", "Host: a", "Content-Encoding: gzip"),
    "length-and-chunks": request(
        "POST /a HTTP/1.1",
        "Host: a",
        "Content-Length: 6",
        "Transfer-Encoding: chunked",
        body=b"0\r\n\r\nG",
    ),
    "blank-before-colon": request("POST /a HTTP/1.1", "Host: a", "Content-Length : 1", body=b"a"),
    "bare-return": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "zero-byte": b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "no-route": request("GET /favicon.ico HTTP/1.1", "Host: a", "Accept-Encoding: gzip, br"),
    "two-requests": request("GET /a HTTP/1.1", "Host: a") * 2,
    "post": request(
        "POST /a HTTP/1.1",
        "Host: a",
        "Content-Length: 3",
        "Expect: 100-continue",
        body=b"abc",
    ),
    "post-form": request(
        "POST /a HTTP/1.1",
        "Host: a",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 7",
        body=b"a=b&c=%",
    ),
    "post-multipart": request(
        "POST /a HTTP/1.1",
        "Host: a",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 5",
        body=b"--x--",
    ),
    "post-cut-short": request("POST /a HTTP/1.1", "Host: a", "Content-Length: 9", body=b"abc"),
    "post-too-long": request("POST /a HTTP/1.1", "Host: a", "Content-Length: 99999999999"),
    "post-two-lengths": request(
        "POST /a HTTP/1.1", "Host: a", "Content-Length: 1", "Content-Length: 2"
    ),
    "chunked-request": request(
        "POST /a HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "compressed-request": request(
        "POST /a HTTP/1.1", "Host: a", "Content-Encoding: gzip", "Content-Length: 0"
    ),
    "range": request("GET /test/1 HTTP/1.1", "Host: a", "Range: bytes=0-1,5-", "If-Range: x"),
    "another-method": request("DELETE /test/1 HTTP/1.1", "Host: a"),
    "another-version": request("GET / HTTP/2.0", "Host: a"),
    "folded-header": request("GET / HTTP/1.1", "Host: a", "A: b", " c"),
    "bare-newline": b"GET / HTTP/1.1\nHost: a\n\n",
    "garbage": bytes(range(1, 64)),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "chunks": in_chunks(b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n") * 2,
    "chunks-together": in_chunks(b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n") * 2,
    "chunk-extensions": in_chunks(b'1;a\r\nx\r\n1 ; b = "c\\"" ;d=e\r\ny\r\n0;f\r\n\r\n'),
    "chunk-extension-malformed": in_chunks(b'1;a="\r\nx\r\n0\r\n\r\n'),
    "chunk-trailers": in_chunks(b"1\r\nx\r\n0\r\nA: b\r\nContent-Length: 5\r\n\r\n"),
    "chunk-size-too-large": in_chunks(b"fffffffff\r\nx\r\n0\r\n\r\n"),
    "chunk-size-with-sign": in_chunks(b"+1\r\nx\r\n0\r\n\r\n"),
    "chunk-longer-than-its-size": in_chunks(b"1\r\nxy\r\n0\r\n\r\n"),
    "chunk-cut-short": in_chunks(b"5\r\nxy"),
    "chunk-lines-end-in-newlines": in_chunks(b"1\nx\n0\n\n"),
    "chunks-after-another-coding": request(
        "POST /a HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"
    ),
    "chunks-twice": request(
        "POST /a HTTP/1.1",
        "Host: a",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked",
        body=b"0\r\n\r\n",
    ),
    "chunks-in-http-1.0": request("POST /a HTTP/1.0", "Transfer-Encoding: chunked", body=b"0\r\n"),
}

# Chunked bodies as floodtest reads them.
CHUNKS = {
    "two-chunks": b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n",
    "stamp": b"11\r\n1 ts=1700000000000\r\n0\r\n\r\n",
    "stamps": b"10\r\n ts=1 ts= ts=22 x\r\n",
    "stamp-of-twenty-digits": b"18\r\n ts=12345678901234567890\r\n",
    "stamp-of-zero": b"b\r\n ts=7 ts=0x\r\n",
    "event-stream": b"d\r\nretry: 1500\n\n\r\n14\r\nevent: gap\ndata: {}\n\r\n9\r\ndata: 1\n\n\r\n",
    "extension": b"5;a=b\r\nhello\r\n0 ;x\r\n\r\n",
    "trailer": b"0\r\nA: b\r\nC: d\r\n\r\n",
    "capital-digits": b"00000A\r\n0123456789\r\n",
    "too-many-digits": b"000000001\r\nx\r\n",
    "too-large": b"1000001\r\nx",
    "no-size": b"\r\nx",
    "no-carriage-return": b"1\nx\n",
    "wrong-size": b"2\r\nhello\r\n",
    "cut-short": b"5\r\nhel",
    "after-the-end": b"0\r\n\r\n5\r\nhello\r\n",
    "line-feed-in-extension": b"1;\nx",
}

HOST = '[[host]]\nname = "a"\naddress = "10.0.0.1"\n'
BROKER = '[[broker]]\nhost = "a"\n'
NODE = '[[webnode]]\nhost = "a"\nname = "w1"\n'

# Cluster files, right and wrong by a little.
CLUSTER_FILE: dict[str, str | bytes] = {
    "one-host": HOST + BROKER + NODE,
    "every-key": "version = 3\n"
    + HOST
    + BROKER
    + 'listen_port = 1\nfeed_port = 2\nadmin = "[::1]:3"\n'
    + NODE
    + 'http_port = 4\nworkers = 2\nadmin = "a.b:5"\n',
    "insecure": HOST + BROKER + "insecure = true\n",
    "insecure-with-keys": HOST + BROKER + 'keys = "/k"\ninsecure = true\n',
    "insecure-number": HOST + BROKER + "insecure = 1\n",
    "ipv6": HOST.replace("10.0.0.1", "fd00::1") + BROKER,
    "two-nodes-of-one-port": HOST + BROKER + NODE + NODE.replace("w1", "w2"),
    "two-nodes-of-one-name": HOST + BROKER + NODE + NODE + "http_port = 1\n",
    "two-brokers": HOST + BROKER + BROKER,
    "two-hosts": HOST + HOST,
    "no-broker": HOST,
    "no-such-host": BROKER,
    "no-host-name": '[[host]]\naddress = "a"\n',
    "star": HOST.replace("10.0.0.1", "*") + BROKER,
    "bad-name": HOST.replace('"a"', '"a b"'),
    "not-a-table": "host = 1\n",
    "plain-table": '[host]\nname = "a"\n',
    "inline": 'host = [{name = "a", address = "b"}]\nbroker = [{host = "a"}]\n',
    "slip": "verison = 1\n",
    "unknown-key": "a = 1\n",
    "version-of-text": 'version = "1"\n',
    "version-below-zero": "version = -1\n",
    "port-too-high": HOST + BROKER + "feed_port = 65536\n",
    "quoted-key": '"a\\nb" = 1\n',
    "multi-line-text": 'version = """\n1"""\n',
    "syntax": "version = \n",
    "not-utf8": b'version = "\xff\xfe"\n',
    "nested": "a = " + "[" * 40,
    "dates": "version = 2020-01-01T00:00:00Z\n",
    "nothing": "",
}

EVENT = '{"specversion":"1.0","id":"1","source":"s","type":"tick"'

# By the number of the form that the target reads the body in.
PUBLISH = {
    "text": (0, "hello"),
    "event": (1, EVENT + ', "data" : { "a" : [ 1.50, null ], "b" : "\\u00fc \\" ]" } }'),
    "event-in-base64": (1, EVENT + ',"data_base64":"R3LDvMOfZQ=="}'),
    "event-before-nul": (1, EVENT + "}\0\0"),
    "event-of-another-version": (1, EVENT.replace("1.0", "0.3") + "}"),
    "headers": (2, "gr%C3%BC%20n\nhello"),
    "quoted-header": (2, '"a \\"b\\" %4"\nhello'),
    "lines": (3, '{"id":"a","data":"1"}\n{"ids":["b","c"],"data":"2","event":"e"}\n\n{}'),
    "event-with-subject": (4, EVENT + ',"subject":"a"}'),
    "batch": (5, f'[{EVENT},"subject":"a"}}, 5, {EVENT},"data":[]}}]'),
    "items": (
        6,
        '{"items":[{"channel":"a","formats":{"http-stream":{"content":"x"}}},'
        '{"channel":"b","http-response":{"body-bin":"eA=="}}]}',
    ),
    "item-that-closes": (6, '{"items":[{"channel":"a","ws-message":{"action":"close"}}]}'),
}

# The first letter says what the rest is: mercure.cpp.
MERCURE = {
    "update": "Ptopic=https%3A%2F%2Fexample.com%2Fbooks%2F1&data=one+%C3%BC%0Atwo",
    "update-of-all-fields": "Ptopic=a&topic=b/c&data=x&private=on&id=urn:1&type=t&retry=10&other",
    "update-private": "Ptopic=a&topic=%7E%3Aa&private",
    "update-of-hub": "Ptopic=https://h/.well-known/mercure/subscriptions/a&data=x",
    "update-without-topic": "Pdata=x",
    "update-not-utf8": "Ptopic=a&data=%ff",
    "update-cut": "Ptopic=a&data=%4",
    "query": "Qtopic=a&match=b&match_exact=c&matchExact=https%3A%2F%2Fh%2F&lastEventID=earliest",
    "query-of-pattern": "QmatchURLPattern=a",
    "query-of-template": "Qtopic=%7Bid%7D",
    "query-of-private": "Qmatch=~:a&match=%7e:b&access_token=a.b.c",
    "query-cursor": "Qmatch=a&last_event_id=7-1",
    "query-control": "Qmatch=a%C2%85",
}

# How the bytes are cut: a byte at a time, and all at once.
PIECES = b"\x00\xff"


def cut(inputs: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same bytes, after a byte that says how they are cut, which depends on the name."""
    return {
        name: PIECES[len(name) % 2 : len(name) % 2 + 1] + content
        for name, content in inputs.items()
    }


RFC_7515 = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
HS256_TOKEN = (
    f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{RFC_7515}"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
ES256_TOKEN = (
    f"eyJhbGciOiJFUzI1NiJ9.{RFC_7515}"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
ES256_KEY = (
    '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
    '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'
)
# The first letter says what the rest is: token.cpp.
TOKEN_INPUTS = {
    "token-hs256": f"T{HS256_TOKEN}",
    "token-es256": f"T{ES256_TOKEN}",
    "token-none": f"TeyJhbGciOiJub25lIn0.{RFC_7515}.",
    "token-cut": f"T{HS256_TOKEN}"[:-3],
    "token-dots": "T...",
    "claims": 'P{"sub":"alice","ids":["chat.*"],"publish":["out.?"],"exp":1300000100,"nbf":1.5}',
    "claims-mercure": 'P{"mercure":{"publish":["https://a/1"],"subscribe":["*"]}}',
    "claims-details": 'P{"authorization_details":[{"type":"mercure",'
    '"actions":["publish","subscribe"],"topics":[{"match":"a"},{"match":"b","matchType":"Exact"},'
    '{"match":"c","matchType":"URLPattern"}]}]}',
    "claims-issuer": 'P{"iss":"me","aud":["you","them"],"jti":"x","nested":{"a":[1,{"b":null}]}}',
    "claims-one-audience": 'P{"aud":"you"}',
    "claims-twice": 'P{"sub":"a","sub":"b"}',
    "claims-huge-time": 'P{"exp":1e308,"nbf":99999999999999999999}',
    "claims-deep": "P" + '{"a":' * 20 + "1" + "}" * 20,
    "header": 'H{"typ":"JWT","alg":"HS256","kid":"one"}',
    "header-none": 'H{"alg":"none"}',
    "header-crit": 'H{"alg":"HS256","crit":["b64"],"b64":false}',
    "keys-secret": "Ka secret of thirty-two bytes, it is\n",
    "keys-set": 'K{"keys":[' + ES256_KEY + ',{"kty":"oct","kid":"a","k":"' + "A" * 43 + '"}]}',
    "keys-ed25519": 'K{"kty":"OKP","crv":"Ed25519",'
    '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
    "keys-rsa": 'K{"kty":"RSA","n":"' + "_" * 342 + '","e":"AQAB"}',
    "keys-pem": "K-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIDQcVcW919JveGW9wCZRVxEtFRuMNZtuHnfQDmZkqU2U\n"
    "-----END PRIVATE KEY-----\n",
    "request-header": "RGET /events/a HTTP/1.1\r\nAuthorization: Bearer a.b.c\r\n\r\n",
    "request-cookie": "RGET / HTTP/1.1\r\nCookie: a=1; zcomet_token=a.b.c; b\r\n\r\n",
    "request-query": "RGET http://h/events?id=a&token=a%2eb.c HTTP/1.1\r\n\r\n",
}

CURVE_TEXT = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
KEY = f'name = "web1"\nroles = ["node", "sender"]\npublic = "{CURVE_TEXT}"\n'
KEY_FILE = {
    "peer": KEY,
    "bundle": f'{KEY}secret = "{CURVE_TEXT}"\n[[broker]]\nname = "b"\npublic = "{CURVE_TEXT}"\n',
    "ids": f'{KEY}ids = ["shop.*", "a?"]\ncreated = "2026-11-30T12:00:00Z"\n',
    "no-ids": f"{KEY}ids = []\n",
    "no-role": KEY.replace("node", "king"),
    "escape": KEY.replace("web1", "\\u0007"),
    "public-too-large": KEY.replace(CURVE_TEXT, "#" * 40),
    "broker-is-no-list": f"{KEY}broker = 1\n",
    "unknown": f"{KEY}admin = true\n",
    "cut": KEY[:-3],
}


def zap_request(*frames: bytes) -> bytes:
    return b"".join(bytes([len(frame)]) + frame for frame in frames)


ZAP = (b"", b"1.0", b"7", b"peers", b"192.0.2.1", b"identity", b"CURVE", bytes(range(32)))
ZAP_REQUEST = {
    "curve": zap_request(*ZAP),
    "plain": zap_request(*ZAP[:6], b"PLAIN", b"user", b"password"),
    "null": zap_request(*ZAP[:6], b"NULL"),
    "short-key": zap_request(*ZAP[:7], b"k" * 31),
    "other-version": zap_request(b"", b"2.0", *ZAP[2:]),
    "one-more": zap_request(*ZAP, b""),
    "cut": zap_request(*ZAP)[:-1],
}


# The first letter says what the rest is: host.cpp.
HOSTS = {
    "host-name": "Ncomet.example:8000",
    "host-below": "Na.Tenants.example.:80",
    "host-other": "Nevil.example",
    "host-localhost": "NLOCALHOST:1",
    "host-ipv4": "N192.0.2.1:80",
    "host-ipv4-like": "N127.0.0.1.evil.example",
    "host-ipv6": "N[2001:db8::1]:8000",
    "host-ipv6-of-ipv4": "N[::ffff:192.0.2.1]",
    "host-bad-brackets": "N[::1",
    "host-bad-port": "Na:80:80",
    "given-name": "Gcomet.example.",
    "given-below": "G*.example",
    "given-all": "G*",
    "given-bad": "Ghttp://a",
    "origin": "Ohttps://shop.example:8443",
    "origin-null": "Onull",
    "origin-ipv6": "Ohttp://[::1]:8000",
    "request": "RGET /test/1 HTTP/1.1\r\nAccept: */*\r\nHost: evil.example\r\n\r\n",
    "request-absolute": "RGET http://comet.example/test/1 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "request-without": "RGET / HTTP/1.0\r\n\r\n",
}


# The first letter says what the rest is: hook.cpp.
HOOK = {
    "answer": "AHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "answer-narrow": "AHTTP/1.1 200 OK\r\nZcomet-Ids: a b* c.?\r\nZcomet-Expires: 1790000000\r\n"
    "Cache-Control: private, max-age=60\r\nContent-Length: 0\r\n\r\n",
    "answer-refusal": "AHTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n",
    "answer-interim": "AHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 403\r\n\r\n",
    "answer-chunks": "AHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "answer-folded": "AHTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "answer-cut": "AHTTP/1.1 200 OK\r\nA: b\r\n",
    "answer-newlines": "AHTTP/1.1 200 OK\nA: b\n\n",
    "answer-bad-expiry": "AHTTP/1.1 200 OK\r\nZcomet-Expires: soon\r\n\r\n",
    "request": "RGET /events?id=a&token=t&since=5 HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n\r\n",
    "request-hops": "RGET http://h/lines/a HTTP/1.1\r\nHost: h\r\nConnection: close, X-A\r\n"
    "X-A: 1\r\nZcomet-Id: root\r\nzcomet_id: root\r\nX-Original-URI: /\r\n\r\n",
    "url": "Uhttp://auth.example:8080/may?x=1",
    "url-ipv6": "Uhttp://[::1]",
    "url-user": "Uhttp://u:p@a/",
}

PROXY_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY_IPV4 = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + struct.pack(">HH", 40_000, 8000)
PROXY_IPV6 = bytes.fromhex("20010db8" + "00" * 11 + "09" + "01" * 16) + struct.pack(
    ">HH", 443, 8000
)


def proxy_header(command: int, family: int, rest: bytes) -> bytes:
    return b"P" + PROXY_SIGNATURE + struct.pack(">BBH", command, family, len(rest)) + rest


# The first letter says what the rest is: proxy.cpp.
PROXY = {
    "header-ipv4": proxy_header(0x21, 0x11, PROXY_IPV4) + b"GET / HTTP/1.1\r\n",
    "header-ipv6": proxy_header(0x21, 0x21, PROXY_IPV6),
    "header-tlv": proxy_header(0x21, 0x11, PROXY_IPV4 + b"\x05\0\x03abc"),
    "header-local": proxy_header(0x20, 0, b""),
    "header-unix": proxy_header(0x21, 0x31, b"p" * 216),
    "header-short": proxy_header(0x21, 0x21, PROXY_IPV4),
    "header-version-1": b"PPROXY TCP4 192.0.2.7 10.0.0.1 40000 8000\r\n",
    "header-cut": proxy_header(0x21, 0x11, PROXY_IPV4)[:-3],
    "forwarded": b"F6.6.6.6, 192.0.2.1, 10.0.0.2",
    "forwarded-ipv6": b"F[fd00::1]:40000,2001:db8::5",
    "forwarded-unknown": b"Funknown",
    "range-ipv4": b"R10.0.0.0/8",
    "range-ipv6": b"R2001:db8::/33",
    "range-one": b"R::ffff:192.0.2.1",
    "range-bad": b"R10.0.0.1/8",
}


TLS_TEXT = b"\x17\x05hello"
TLS_KEY_UPDATE = b"\x16\x05\x18\0\0\1"  # and whether it wants one back
# The first letter says what the rest is: tls.cpp.
TLS = {
    "text-1.2": b"2" + TLS_TEXT + TLS_TEXT,
    "text-1.3": b"3" + TLS_TEXT + TLS_TEXT,
    "no-text": b"3" + b"\x17\0" * 40,
    "close-1.2": b"2" + TLS_TEXT + b"\x15\2\1\0" + TLS_TEXT,
    "close-1.3": b"3" + TLS_TEXT + b"\x15\2\1\0" + TLS_TEXT,
    "canceled": b"3\x15\2\1\x5a" + TLS_TEXT,
    "alert-long": b"3\x15\3\1\0\0",
    "key-update": b"3" + TLS_TEXT + TLS_KEY_UPDATE + b"\0" + TLS_TEXT,
    "key-update-wanted": b"3" + (TLS_KEY_UPDATE + b"\1" + TLS_TEXT) * 3,
    "key-updates": b"3" + (TLS_KEY_UPDATE + b"\0" + TLS_TEXT) * 70,
    "key-update-bad": b"3" + TLS_KEY_UPDATE + b"\2" + TLS_TEXT,
    "key-update-long": b"3\x16\x06\x18\0\0\1\0\0" + TLS_TEXT,
    "hello-again": b"2\x16\4\1\0\0\0" + TLS_TEXT,
    "hellos": b"2" + b"\x16\4\1\0\0\0" * 40,
    "hellos-and-text": b"2" + (b"\x16\4\1\0\0\0" + TLS_TEXT) * 70,
    "change-cipher": b"3\x14\1\1" + TLS_TEXT,
    "padding": b"3\0\4\0\0\0\0",
    "padded": b"3\x17\4a\0b\0",
    "raw": b"R\x17\3\3\0\x14" + b"x" * 20,
    "raw-short": b"R\x17\3\3\0\1x",
    "raw-long": b"R\x17\3\3\xff\xff",
    "raw-cut": b"R\x17\3\3",
}


def corpus() -> dict[str, dict[str, bytes]]:
    """For each target its inputs, by name."""
    return {
        "wire": WIRE,
        "router": {name: script.bytes for name, script in ROUTER.items()},
        "node_session": {name: script.bytes for name, script in NODE_SESSION.items()},
        "sender_session": {name: script.bytes for name, script in SENDER_SESSION.items()},
        "http": cut(HTTP),
        "chunks": cut(CHUNKS),
        "publish": {name: bytes([form]) + body.encode() for name, (form, body) in PUBLISH.items()},
        "hook": {name: text.encode() for name, text in HOOK.items()},
        "mercure": {name: text.encode() for name, text in MERCURE.items()},
        "host": {name: text.encode() for name, text in HOSTS.items()},
        "proxy": PROXY,
        "tls": TLS,
        "key_file": {name: text.encode() for name, text in KEY_FILE.items()},
        "zap_request": ZAP_REQUEST,
        "token": {name: text.encode() for name, text in TOKEN_INPUTS.items()},
        "cluster_file": {
            name: text if isinstance(text, bytes) else text.encode()
            for name, text in CLUSTER_FILE.items()
        },
    }


def main() -> None:
    for target, inputs in corpus().items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in inputs.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
