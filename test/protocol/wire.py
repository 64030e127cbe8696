"""The frames of docs/PROTOCOL.md, as far as the test programs in this folder need them."""

import struct

HELLO, GOODBYE, HEARTBEAT = 0x01, 0x02, 0x03
LOGIN, LOGOUT, LIST, RESEND = 0x10, 0x11, 0x12, 0x20
SEND, PING, QUERY, BATCH = 0x30, 0x40, 0x41, 0x50
WELCOME, CREDIT, RECEIPT, PONG, ANSWER, ACKNOWLEDGED, ERROR = (
    0x81,
    0x82,
    0x83,
    0x84,
    0x85,
    0x86,
    0xFF,
)
NODE, SENDER = 1, 2


def header(kind):
    return b"ZC" + bytes([1, kind])


def u32(value):
    return struct.pack(">I", value)


def u64(value):
    return struct.pack(">Q", value)


def str8(text):
    return bytes([len(text)]) + text


def hello(incarnation, role, name, sent=0):
    sent_before = u64(sent) if role == SENDER else b""
    return header(HELLO) + u64(incarnation) + bytes([role]) + str8(name) + sent_before


def digest(*ids):
    """The sum of the ids' 64-bit FNV-1a hashes."""
    total = 0
    for user_id in ids:
        value = 0xCBF29CE484222325
        for byte in user_id:
            value = (value ^ byte) * 0x100000001B3 % 2**64
        total += value
    return total % 2**64


def heartbeat(feed, change, streams, ids_digest=0, ledger=()):
    return (
        header(HEARTBEAT)
        + u64(feed)
        + u64(change)
        + u64(streams)
        + u64(ids_digest)
        + bytes([len(ledger)])
        + b"".join(map(u64, ledger))
    )


def login(change, *ids):
    return header(LOGIN) + u64(change) + u32(len(ids)) + b"".join(map(str8, ids))


def login_list(change, *ids):
    """A LIST of one part, which is the first and the last."""
    return header(LIST) + u64(change) + bytes([3]) + u32(len(ids)) + b"".join(map(str8, ids))


def send(first, messages, receipt=False, acknowledge=False):
    body = b"".join(str8(user_id) + u32(len(payload)) + payload for user_id, payload in messages)
    return (
        header(SEND) + bytes([receipt + 2 * acknowledge]) + u64(first) + u32(len(messages)) + body
    )


def batch(incarnation, number, messages, flags=0, tail=b""):
    body = b"".join(str8(user_id) + u32(len(payload)) + payload for user_id, payload in messages)
    return (
        header(BATCH)
        + u64(incarnation)
        + u64(number)
        + bytes([flags])
        + u32(len(messages))
        + body
        + tail
    )


def welcome(role_part, incarnation=5, heartbeat_ms=1000, liveness_ms=3000):
    return (
        header(WELCOME)
        + u64(incarnation)
        + str8(b"broker")
        + u32(heartbeat_ms)
        + u32(liveness_ms)
        + u64(0)
        + role_part
    )


def node_part(feed_endpoint, feed_incarnation, changes_applied=0, feed_published=0):
    return str8(feed_endpoint) + u64(feed_incarnation) + u64(changes_applied) + u64(feed_published)


def query(token, what, argument=b""):
    return header(QUERY) + u64(token) + str8(what) + str8(argument)


class Reader:
    """Takes fields off the front of a frame. Anything that is not there raises ValueError."""

    def __init__(self, frame):
        if frame[:3] != b"ZC\x01" or len(frame) < 4:
            raise ValueError(f"not a frame of this version: {frame[:8].hex()}")
        self.kind = frame[3]
        self._rest = frame[4:]

    def take(self, size):
        if len(self._rest) < size:
            raise ValueError("the frame is cut short")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack(">H", self.take(2))[0]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def u64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def str8(self):
        return self.take(self.u8())

    def end(self):
        if self._rest:
            raise ValueError(f"{len(self._rest)} bytes are left over")


def read_welcome(frame, role):
    """A WELCOME as a dict, by the names of the grammar."""
    reader = Reader(frame)
    if reader.kind != WELCOME:
        raise ValueError(f"WELCOME was due, not {frame.hex()}")
    welcome = {
        "incarnation": reader.u64(),
        "name": reader.str8(),
        "heartbeat_ms": reader.u32(),
        "liveness_ms": reader.u32(),
        "table_version": reader.u64(),
    }
    if role == NODE:
        welcome |= {
            "feed_endpoint": reader.str8().decode(),
            "feed_incarnation": reader.u64(),
            "changes_applied": reader.u64(),
            "feed_published": reader.u64(),
        }
    else:
        welcome |= {
            "window_bytes": reader.u32(),
            "credited": reader.u64(),
            "settles_in_ms": reader.u32(),
        }
    reader.end()
    return welcome


def read_heartbeat(frame):
    reader = Reader(frame)
    fields = reader.u64(), reader.u64(), reader.u64()
    reader.u64()  # the digest, which only nodes have
    for _ in range(reader.u8()):
        reader.u64()
    reader.end()
    return fields


def read_batch(frame):
    """A BATCH as (feed incarnation, number, flags, count, [(id, payload), …]); with flags 2 each message
    is (id, payload, sender, its number there)."""
    reader = Reader(frame)
    if reader.kind != BATCH:
        raise ValueError(f"BATCH was due, not {frame.hex()}")
    incarnation, number, flags, count = reader.u64(), reader.u64(), reader.u8(), reader.u32()
    messages = []
    if flags == 0:
        messages = [(reader.str8(), reader.take(reader.u32())) for _ in range(count)]
    elif flags == 2:
        for _ in range(count):
            origin = reader.u64(), reader.u64()
            messages.append((reader.str8(), reader.take(reader.u32()), *origin))
    reader.end()
    return incarnation, number, flags, count, messages


def read_receipt(frame):
    """A RECEIPT, or an ACKNOWLEDGED, as (first, [nodes, …])."""
    reader = Reader(frame)
    first, count = reader.u64(), reader.u32()
    nodes = [reader.u32() for _ in range(count)]
    reader.end()
    return first, nodes


def read_answer(frame):
    """An ANSWER as (token, JSON text)."""
    reader = Reader(frame)
    fields = reader.u64(), reader.take(reader.u32())
    reader.end()
    return fields


def read_error(frame):
    """An ERROR as (code, kind of the refused frame, text)."""
    reader = Reader(frame)
    fields = reader.u16(), reader.u8(), reader.str8().decode()
    reader.end()
    return fields
