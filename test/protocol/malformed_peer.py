"""Says to a broker what docs/PROTOCOL.md forbids, and checks the ERROR that comes back; then checks
that a well-behaved peer is served as ever.

usage: malformed_peer.py BROKER-ENDPOINT
"""

import secrets
import sys

import zmq

import wire

MALFORMED, VERSION, UNKNOWN_KIND, HELLO_FIRST, WRONG_ROLE, LIST_NEEDED = 1, 2, 3, 4, 5, 6
REPLACED, UNKNOWN_QUERY, BAD_ID = 7, 8, 9
TIMEOUT_MS = 10_000

PING = wire.header(wire.PING) + wire.u64(7)
FEED_BATCH = wire.header(wire.BATCH) + wire.u64(1) + wire.u64(1) + b"\0" + wire.u32(0)

# What is said, what the ERROR must say (code, kind), and the role of the HELLO before, if any.
CASES = {
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
    "a HELLO with a space in its name":
        (wire.hello(1, wire.NODE, b"a b"), MALFORMED, wire.HELLO, None),
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
    "a SEND of too long a message":
        (wire.send(1, [(b"1", b"x" * 65_537)]), MALFORMED, wire.SEND, wire.SENDER),
    "a SEND that promises more than it holds":
        (wire.send(1, [(b"1", b"x")])[:-2], MALFORMED, wire.SEND, wire.SENDER),
    "an unknown query":
        (wire.header(wire.QUERY) + wire.u64(7) + wire.str8(b"weather") + wire.str8(b""),
         UNKNOWN_QUERY, wire.QUERY, None),
}


class Connection:
    def __init__(self, context, broker):
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(broker)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def ask(self, frame):
        self._socket.send(frame)
        if not self._socket.poll(TIMEOUT_MS):
            raise TimeoutError("the broker does not answer")
        return self._socket.recv()


def check_refusal(context, broker, said, code, kind, role):
    with Connection(context, broker) as peer:
        if role:
            # A new incarnation: what one case has spoilt is not to show in the next.
            hello = wire.hello(secrets.randbits(63) + 1, role, b"greeted")
            assert wire.Reader(peer.ask(hello)).kind == wire.WELCOME
        answer = peer.ask(said)
        assert wire.Reader(answer).kind == wire.ERROR, f"the answer was {answer.hex()}"
        got_code, got_kind, text = wire.read_error(answer)
        assert got_code == code, f"code {got_code}: {text}"
        assert kind is None or got_kind == kind, f"kind {got_kind:#04x}"
        assert text, "no sentence for people"


def check_service(context, broker):
    with Connection(context, broker) as peer:
        assert peer.ask(PING) == wire.header(wire.PONG) + wire.u64(7)


def main():
    broker = sys.argv[1]
    context = zmq.Context()
    failures = 0
    for name, (said, code, kind, role) in CASES.items():
        try:
            check_refusal(context, broker, said, code, kind, role)
            check_service(context, broker)
        except (AssertionError, TimeoutError, ValueError) as error:
            failures += 1
            print(f"{name}: {error}")
    print(f"{len(CASES) - failures} of {len(CASES)} refusals are as the protocol says")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
