"""Sends a broker frames that docs/PROTOCOL.md forbids.

Checks that the right ERROR comes back and is counted, and that a well-behaved peer is served as
before.
usage: malformed_peer.py BROKER-ENDPOINT
"""

import json
import random
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import wire
from pyzmq import Context, zmq

MALFORMED, VERSION, UNKNOWN_KIND, HELLO_FIRST, WRONG_ROLE, LIST_NEEDED = 1, 2, 3, 4, 5, 6
REPLACED, UNKNOWN_QUERY, BAD_ID, OVERLOADED = 7, 8, 9, 10
COUNTED_AS = {
    MALFORMED: "errors_malformed",
    VERSION: "errors_version",
    UNKNOWN_KIND: "errors_unknown_kind",
    HELLO_FIRST: "errors_hello_first",
    WRONG_ROLE: "errors_wrong_role",
    LIST_NEEDED: "errors_list_needed",
    REPLACED: "errors_replaced",
    UNKNOWN_QUERY: "errors_unknown_query",
    BAD_ID: "errors_bad_id",
    OVERLOADED: "errors_overloaded",
}
TIMEOUT_MS = 10_000
# How many ERRORs one connection gets in a second; all are counted.
ERRORS_PER_SECOND = 10
HUGE_COUNT = wire.u32(2**32 - 1)
FRAME_BYTES_MAX = 1_048_576

PING = wire.header(wire.PING) + wire.u64(7)
FEED_BATCH = wire.header(wire.BATCH) + wire.u64(1) + wire.u64(1) + b"\0" + wire.u32(0)

Case = tuple[bytes, int, int | None, int | None]
"""What is said; code and kind of the ERROR (None: any); the role of the HELLO before, if any."""

CASES: dict[str, Case] = {
    "nothing at all": (b"", MALFORMED, 0, None),
    "one byte": (b"Z", MALFORMED, 0, None),
    "another signature": (b"XX\x01\x40" + wire.u64(7), MALFORMED, None, None),
    "another version": (b"ZC\x02\x40" + wire.u64(7), VERSION, None, None),
    "another version, of another form": (b"ZC\xff\xee", VERSION, None, None),
    "a PING cut short": (PING[:-1], MALFORMED, wire.PING, None),
    "a PING with a byte too many": (PING + b"\0", MALFORMED, wire.PING, None),
    "an unknown kind": (wire.header(0x7F), UNKNOWN_KIND, 0x7F, None),
    "a kind that only a broker sends": (FEED_BATCH, UNKNOWN_KIND, wire.BATCH, None),
    "a HELLO with incarnation 0": (wire.hello(0, wire.NODE, b"n"), MALFORMED, wire.HELLO, None),
    "a HELLO with an unknown role": (wire.hello(1, 3, b"n"), MALFORMED, wire.HELLO, None),
    "a HELLO without a name": (wire.hello(1, wire.NODE, b""), MALFORMED, wire.HELLO, None),
    "a HELLO with a space in its name": (
        wire.hello(1, wire.NODE, b"a b"),
        MALFORMED,
        wire.HELLO,
        None,
    ),
    "a LOGIN before HELLO": (wire.login(1, b"123"), HELLO_FIRST, wire.LOGIN, None),
    "a SEND before HELLO": (wire.send(1, [(b"1", b"x")]), HELLO_FIRST, wire.SEND, None),
    "a HEARTBEAT before HELLO": (wire.heartbeat(0, 0, 0), HELLO_FIRST, wire.HEARTBEAT, None),
    "a LOGIN from a sender": (wire.login(1, b"123"), WRONG_ROLE, wire.LOGIN, wire.SENDER),
    "a SEND from a node": (wire.send(1, [(b"1", b"x")]), WRONG_ROLE, wire.SEND, wire.NODE),
    "a LOGIN with a number left out": (wire.login(5, b"123"), LIST_NEEDED, wire.LOGIN, wire.NODE),
    "a LOGIN with a bad id": (wire.login(1, b"a b"), BAD_ID, wire.LOGIN, wire.NODE),
    "a LOGIN with an empty id": (wire.login(1, b""), BAD_ID, wire.LOGIN, wire.NODE),
    "a LOGIN with an id too long": (wire.login(1, b"a" * 65), BAD_ID, wire.LOGIN, wire.NODE),
    "a SEND to a bad id": (wire.send(1, [(b"a/b", b"x")]), BAD_ID, wire.SEND, wire.SENDER),
    "a SEND of nothing": (wire.send(1, []), MALFORMED, wire.SEND, wire.SENDER),
    "a SEND with a position": (
        wire.send(1, [(b"1", b"x")], block=wire.attributes((wire.POSITION, wire.u64(1)))),
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    **{
        f"a SEND with the attributes {block.hex()}": (
            wire.send(1, [(b"1", b"x")], block=block),
            MALFORMED,
            wire.SEND,
            wire.SENDER,
        )
        for block in wire.MALFORMED_ATTRIBUTES
    },
    "a SEND of too long a message": (
        wire.send(1, [(b"1", b"x" * 65_537)]),
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    "a SEND that promises more than it holds": (
        wire.send(1, [(b"1", b"x")])[:-2],
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    "an unknown query": (wire.query(7, b"weather"), UNKNOWN_QUERY, wire.QUERY, None),
    "a query with an argument too many": (
        wire.query(7, b"stats", b"please"),
        MALFORMED,
        wire.QUERY,
        None,
    ),
    "a LOGIN of four thousand million ids, of which one is there": (
        wire.header(wire.LOGIN) + wire.u64(1) + HUGE_COUNT + wire.str8(b"1"),
        MALFORMED,
        wire.LOGIN,
        wire.NODE,
    ),
    "a LIST of as many": (
        wire.header(wire.LIST) + wire.u64(1) + b"\3" + HUGE_COUNT + wire.str8(b"1"),
        MALFORMED,
        wire.LIST,
        wire.NODE,
    ),
    "a SEND of as many messages": (
        wire.header(wire.SEND) + b"\0" + wire.u64(1) + HUGE_COUNT + wire.str8(b"1") + wire.u32(0),
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    "a SEND of a message as long": (
        wire.header(wire.SEND) + b"\0" + wire.u64(1) + wire.u32(1) + wire.str8(b"1") + HUGE_COUNT,
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    "a SEND whose numbers end beyond 64 bits": (
        wire.send(2**64 - 1, [(b"1", b"x"), (b"1", b"y")]),
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    "a SEND with an unknown flag": (
        wire.send(1, [(b"1", b"x")], flags=4),
        MALFORMED,
        wire.SEND,
        wire.SENDER,
    ),
    "a LIST with an unknown part": (
        wire.header(wire.LIST) + wire.u64(1) + b"\4" + wire.u32(0),
        MALFORMED,
        wire.LIST,
        wire.NODE,
    ),
    "a LIST that begins in the middle": (
        wire.header(wire.LIST) + wire.u64(1) + b"\2" + wire.u32(0),
        LIST_NEEDED,
        wire.LIST,
        wire.NODE,
    ),
    "a RESEND from 0": (
        wire.resend(1, 0, 1),
        MALFORMED,
        wire.RESEND,
        wire.NODE,
    ),
    "a RESEND that ends before it begins": (
        wire.resend(1, 2, 1),
        MALFORMED,
        wire.RESEND,
        wire.NODE,
    ),
    "as many zeros as a frame may have": (b"\0" * FRAME_BYTES_MAX, MALFORMED, 0, None),
    "a PING as long as a frame may be": (
        PING + b"\0" * (FRAME_BYTES_MAX - len(PING)),
        MALFORMED,
        wire.PING,
        None,
    ),
}

# Every beginning of these frames is refused: it is cut short, or it is not a frame.
WHOLE: dict[int | None, list[bytes]] = {
    wire.NODE: [
        wire.heartbeat(0, 0, 0),
        wire.login(1, b"123", b"45"),
        wire.login_list(1, b"1", b"2"),
        wire.resend(1, 1, 2),
        wire.query(1, b"who", b"123"),
        PING,
        wire.hello(1, wire.NODE, b"n"),
    ],
    wire.SENDER: [wire.send(1, [(b"1", b"hi"), (b"2", b"")], receipt=True)],
}
GARBAGE_FRAMES = 2000


Counts = Mapping[str, int]


class Connection:
    """A DEALER to a broker: `with Connection(…) as peer:`."""

    def __init__(self, context: Context, broker: str) -> None:
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        # The answers to a flood must all be taken in, because they are counted.
        self._socket.rcvhwm = 0
        self._socket.connect(broker)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, *frames: bytes) -> None:
        """Sends a message of these frames."""
        self._socket.send_multipart(frames)

    def hear(self) -> bytes:
        """The next frame."""
        if not self._socket.poll(TIMEOUT_MS):
            raise TimeoutError("the broker does not answer")
        return self._socket.recv()

    def hear_kind(self, kind: int) -> bytes:
        """The next frame of this kind; others are skipped."""
        while wire.Reader(frame := self.hear()).kind != kind:
            pass
        return frame

    def ask(self, *frames: bytes) -> bytes:
        """Sends a message; returns the next frame."""
        self.say(*frames)
        return self.hear()

    def greet(self, role: int) -> None:
        """Says HELLO, and checks the WELCOME."""
        # A new incarnation, so that damage by one case does not show in the next.
        incarnation = secrets.randbits(63) + 1
        name = b"greeted-" + secrets.token_hex(4).encode()
        answer = self.ask(wire.hello(incarnation, role, name))
        if role == wire.NODE:
            wire.read_node_welcome(answer)
        else:
            wire.read_sender_welcome(answer)

    def leave(self) -> None:
        """Says GOODBYE, and waits until that was read."""
        self.say(wire.header(wire.GOODBYE))
        self.say(PING)
        self.hear_kind(wire.PONG)


class Stats:
    """The broker's counters."""

    def __init__(self, context: Context, broker: str) -> None:
        self._peer = Connection(context, broker)

    def read(self) -> dict[str, int]:
        """All counters, and the numbers of ids, nodes and senders."""
        _, text = wire.read_answer(self._peer.ask(wire.query(1, b"stats")))
        stats: dict[str, Any] = json.loads(text)
        return {**stats["counters"], **{name: stats[name] for name in ("ids", "nodes", "senders")}}

    def errors(self) -> dict[str, int]:
        """The counters of refused frames."""
        return {name: value for name, value in self.read().items() if name.startswith("errors")}


def difference(before: Counts, after: Counts) -> dict[str, int]:
    """By how much counters have risen; those that have not are left out."""
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def check_refusal(context: Context, broker: str, case: Case) -> None:
    said, code, kind, role = case
    with Connection(context, broker) as peer:
        if role:
            peer.greet(role)
        answer = peer.ask(said)
        assert wire.Reader(answer).kind == wire.ERROR, f"the answer was {answer.hex()}"
        got_code, got_kind, text = wire.read_error(answer)
        assert got_code == code, f"code {got_code}: {text}"
        assert kind is None or got_kind == kind, f"kind {got_kind:#04x}"
        assert text, "no sentence for people"
        if role:
            peer.leave()


def check_service(context: Context, broker: str) -> None:
    """A well-behaved peer is served."""
    with Connection(context, broker) as peer:
        assert peer.ask(PING) == wire.header(wire.PONG) + wire.u64(7)


def check_case(context: Context, broker: str, stats: Stats, case: Case) -> None:
    before = stats.errors()
    check_refusal(context, broker, case)
    counted = difference(before, stats.errors())
    code = case[1]
    assert counted == {"errors": 1, COUNTED_AS[code]: 1}, f"counted as {counted}"
    check_service(context, broker)


def check_flood(
    context: Context, broker: str, stats: Stats, role: int | None, frames: Sequence[bytes]
) -> None:
    """One peer sends all these frames, as fast as it can.

    Each is refused as malformed and counted; a few are answered.
    """
    with Connection(context, broker) as peer:
        if role:
            peer.greet(role)
        before = stats.errors()
        for frame in frames:
            peer.say(frame)
        peer.say(PING)
        answers = 0
        while wire.Reader(answer := peer.hear()).kind != wire.PONG:
            if wire.Reader(answer).kind == wire.ERROR:
                assert wire.read_error(answer)[0] == MALFORMED, wire.read_error(answer)
                answers += 1
        counted = difference(before, stats.errors())
        assert answers >= min(len(frames), ERRORS_PER_SECOND), answers
        assert counted.pop("errors_untold", 0) == len(frames) - answers, counted
        assert counted == {"errors": len(frames), "errors_malformed": len(frames)}, counted
        if role:
            peer.leave()
    check_service(context, broker)


def check_truncations(context: Context, broker: str, stats: Stats) -> None:
    for role, frames in WHOLE.items():
        beginnings = [frame[:end] for frame in frames for end in range(len(frame))]
        check_flood(context, broker, stats, role, beginnings)


def check_garbage(context: Context, broker: str, stats: Stats) -> None:
    source = random.Random(1)  # the same in every run
    frames = [source.randbytes(int(source.expovariate(1 / 200))) for _ in range(GARBAGE_FRAMES)]
    garbage = [frame for frame in frames if frame[:2] != b"ZC"]
    check_flood(context, broker, stats, None, garbage)


def check_many_frames(context: Context, broker: str, stats: Stats) -> None:
    """The protocol has no message of several frames, whatever is in them."""
    before = stats.errors()
    messages: list[tuple[bytes, ...]] = [(PING, b""), (b"", PING), (PING, PING), (b"",) * 100]
    with Connection(context, broker) as peer:
        for frames in messages:
            code, _, _ = wire.read_error(peer.ask(*frames))
            assert code == MALFORMED, code
    assert difference(before, stats.errors()) == {"errors": 4, "errors_malformed": 4}
    check_service(context, broker)


CHECKS: dict[str, Callable[[Context, str, Stats], None]] = {
    "frames cut short": check_truncations,
    "garbage": check_garbage,
    "messages of several frames": check_many_frames,
}


def failures(context: Context, broker: str) -> Iterator[str]:
    """Everything that does not go as the protocol says, a line for each."""
    stats = Stats(context, broker)
    for name, case in CASES.items():
        try:
            check_case(context, broker, stats, case)
        except (AssertionError, TimeoutError, ValueError) as error:
            yield f"{name}: {error}"
    for name, check in CHECKS.items():
        try:
            check(context, broker, stats)
        except (AssertionError, TimeoutError, ValueError) as error:
            yield f"{name}: {error}"


def main() -> int:
    failed = 0
    for line in failures(zmq.Context(), sys.argv[1]):
        print(line)
        failed += 1
    total = len(CASES) + len(CHECKS)
    print(f"{total - failed} of {total} kinds of rubbish are refused as the protocol says")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
