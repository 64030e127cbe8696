"""Of two connections with one routing id only the first is heard; the broker serves all others.

usage: same_routing_id.py BROKER-ENDPOINT
"""

import sys

import wire
from pyzmq import Context, Socket, zmq

TIMEOUT_MS = 10_000
NUMBERS = range(1, 6)


def connect(context: Context, broker: str, routing_id: bytes | None) -> Socket:
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    if routing_id is not None:
        dealer.setsockopt(zmq.ROUTING_ID, routing_id)
    dealer.connect(broker)
    return dealer


def ping(dealer: Socket, number: int) -> None:
    dealer.send(wire.header(wire.PING) + wire.u64(number))


def expect_pong(dealer: Socket) -> None:
    assert dealer.poll(TIMEOUT_MS), "the broker does not answer"
    dealer.recv()


def main() -> None:
    [broker] = sys.argv[1:]
    context: Context = zmq.Context()
    first = connect(context, broker, b"same")
    ping(first, 0)
    expect_pong(first)
    second = connect(context, broker, b"same")
    other = connect(context, broker, None)
    for number in NUMBERS:
        ping(second, number)
        for dealer in (first, other):
            ping(dealer, number)
            expect_pong(dealer)
    assert not second.poll(0), "a routing id is taken twice; PROTOCOL.md says that it is not"


if __name__ == "__main__":
    main()
