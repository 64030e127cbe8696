"""The frames of docs/PROTOCOL.md, as far as the test programs need them.

Written from that document and not from the C++, so that the two check each other.
"""

import dataclasses
import struct
from collections.abc import Iterable, Sequence
from typing import Any

HELLO, GOODBYE, HEARTBEAT = 0x01, 0x02, 0x03
LOGIN, LOGOUT, LIST, RESEND = 0x10, 0x11, 0x12, 0x20
SEND, PING, QUERY, HISTORY, BATCH = 0x30, 0x40, 0x41, 0x42, 0x50
WELCOME, CREDIT, RECEIPT, PONG, ANSWER, ACKNOWLEDGED = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86
KEPT, ERROR = 0x87, 0xFF
NODE, SENDER = 1, 2

FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3

Message = tuple[bytes, bytes]
"""An id and a payload."""


def header(kind: int) -> bytes:
    return b"ZC" + bytes([1, kind])


def u32(value: int) -> bytes:
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    return struct.pack(">Q", value)


def str8(text: bytes) -> bytes:
    return bytes([len(text)]) + text


NO_LIST = (0, 0)


def hello(
    incarnation: int, role: int, name: bytes, sent: int = 0, brokers: tuple[int, int] = NO_LIST
) -> bytes:
    """`brokers` has version and hash of the list of brokers."""
    sent_before = u64(sent) if role == SENDER else b""
    head = header(HELLO) + u64(incarnation) + bytes([role]) + str8(name)
    return head + sent_before + b"".join(map(u64, brokers))


def digest(*ids: bytes) -> int:
    """The sum of the ids' 64-bit FNV-1a hashes."""
    total = 0
    for user_id in ids:
        value = FNV_OFFSET
        for byte in user_id:
            value = (value ^ byte) * FNV_PRIME % 2**64
        total += value
    return total % 2**64


def heartbeat(
    feed: int,
    change: int,
    streams: int,
    ids_digest: int = 0,
    ledger: Sequence[int] = (),
    feed_incarnation: int = 0,
) -> bytes:
    fields = b"".join(map(u64, (feed_incarnation, feed, change, streams, ids_digest)))
    return header(HEARTBEAT) + fields + bytes([len(ledger)]) + b"".join(map(u64, ledger))


def resend(feed_incarnation: int, first: int, last: int) -> bytes:
    return header(RESEND) + u64(feed_incarnation) + u64(first) + u64(last)


def login(change: int, *ids: bytes) -> bytes:
    return header(LOGIN) + u64(change) + u32(len(ids)) + b"".join(map(str8, ids))


def login_list(change: int, *ids: bytes) -> bytes:
    """A LIST of one part, which is the first and the last."""
    return header(LIST) + u64(change) + bytes([3]) + u32(len(ids)) + b"".join(map(str8, ids))


EVENT, CONTENT_TYPE, PRIVATE, POSITION, TRACE_ID, KEY, ORIGIN = 1, 2, 3, 4, 5, 6, 7
"""Tags of attributes."""
WITH_ORIGINS, WITH_ATTRIBUTES = 2, 4
"""Flags of a BATCH; the second also of a SEND."""
WITH_POSITIONS = 1
"""A flag of a RECEIPT or an ACKNOWLEDGED."""


def attributes(*pairs: tuple[int, bytes]) -> bytes:
    """A block of tags and values, without its length."""
    return b"".join(bytes([tag]) + str8(value) for tag, value in pairs)


MALFORMED_ATTRIBUTES = [
    b"\x01",
    b"\x01\x02x",
    attributes((0, b"")),
    attributes((EVENT, b"")),
    attributes((EVENT, b"two\nlines")),
    attributes((EVENT, b"x" * 129)),
    attributes((CONTENT_TYPE, b"x" * 65)),
    attributes((PRIVATE, b"1")),
    attributes((POSITION, u64(0))),
    attributes((POSITION, u32(1))),
    attributes((TRACE_ID, b"x" * 15)),
    attributes((KEY, b"x" * 17)),
    attributes((ORIGIN, u64(1))),
    attributes((ORIGIN, u64(0) + u64(1))),
    attributes((EVENT, b"a"), (EVENT, b"b")),
    attributes((PRIVATE, b""), (EVENT, b"a")),
]


def message_body(messages: Iterable[Message], block: bytes | None = None) -> bytes:
    """`block`: the attributes of each message; None: the frame has none."""
    between = b"" if block is None else str8(block)
    return b"".join(
        str8(user_id) + between + u32(len(payload)) + payload for user_id, payload in messages
    )


def send(
    first: int,
    messages: Sequence[Message],
    receipt: bool = False,
    acknowledge: bool = False,
    flags: int = 0,
    block: bytes | None = None,
) -> bytes:
    """`flags` are set in addition to those that the other arguments say."""
    with_attributes = 0 if block is None else WITH_ATTRIBUTES
    flags_byte = bytes([receipt | 2 * acknowledge | with_attributes | flags])
    head = header(SEND) + flags_byte + u64(first) + u32(len(messages))
    return head + message_body(messages, block)


def batch(
    incarnation: int,
    number: int,
    messages: Sequence[Message],
    flags: int = 0,
    tail: bytes = b"",
    block: bytes | None = None,
) -> bytes:
    """`flags` are set in addition to that of attributes."""
    flags |= 0 if block is None else WITH_ATTRIBUTES
    head = header(BATCH) + u64(incarnation) + u64(number) + bytes([flags]) + u32(len(messages))
    return head + message_body(messages, block) + tail


def welcome(
    role_part: bytes,
    incarnation: int = 5,
    heartbeat_ms: int = 1000,
    liveness_ms: int = 3000,
    name: bytes = b"broker",
) -> bytes:
    times = u32(heartbeat_ms) + u32(liveness_ms)
    no_list = b"".join(map(u64, NO_LIST))
    return header(WELCOME) + u64(incarnation) + str8(name) + times + no_list + role_part


def node_part(
    feed_endpoint: bytes,
    feed_incarnation: int,
    changes_applied: int = 0,
    feed_published: int = 0,
    history: tuple[int, int, bytes] = (0, 0, b""),
) -> bytes:
    """`history`: epoch, position and patterns."""
    epoch, position, patterns = history
    numbers = (feed_incarnation, changes_applied, feed_published, epoch, position)
    head = str8(feed_endpoint) + b"".join(map(u64, numbers))
    return head + struct.pack(">H", len(patterns)) + patterns


def history(
    token: int, epoch: int, after: int, *ids: bytes, most: int = 100, flags: int = 0
) -> bytes:
    head = header(HISTORY) + u64(token) + bytes([flags]) + u64(epoch) + u64(after)
    return head + u32(most) + u32(len(ids)) + b"".join(map(str8, ids))


def query(token: int, what: bytes, argument: bytes = b"") -> bytes:
    return header(QUERY) + u64(token) + str8(what) + str8(argument)


def answer(token: int, json: bytes) -> bytes:
    return header(ANSWER) + u64(token) + u32(len(json)) + json


class Reader:
    """Takes fields off the front of a frame. A field that is not there raises ValueError."""

    def __init__(self, frame: bytes) -> None:
        """Raises ValueError if the frame is not of this version."""
        if frame[:3] != b"ZC\x01" or len(frame) < 4:
            raise ValueError(f"not a frame of this version: {frame[:8].hex()}")
        self.kind = frame[3]
        self._rest = frame[4:]

    def take(self, size: int) -> bytes:
        if len(self._rest) < size:
            raise ValueError("the frame is cut short")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def u8(self) -> int:
        return self._number(1)

    def u16(self) -> int:
        return self._number(2)

    def u32(self) -> int:
        return self._number(4)

    def u64(self) -> int:
        return self._number(8)

    def str8(self) -> bytes:
        return self.take(self.u8())

    def end(self) -> None:
        """Raises ValueError if anything is left."""
        if self._rest:
            raise ValueError(f"{len(self._rest)} bytes are left over")


def reader_of(frame: bytes, kind: int, name: str) -> Reader:
    """A reader of a frame that must be of this kind."""
    reader = Reader(frame)
    if reader.kind != kind:
        raise ValueError(f"{name} was due, not {frame.hex()}")
    return reader


@dataclasses.dataclass(frozen=True)
class Welcome:
    """The fields of every WELCOME, with the names of the grammar."""

    incarnation: int
    name: bytes
    heartbeat_ms: int
    liveness_ms: int
    list_version: int
    list_hash: int


@dataclasses.dataclass(frozen=True)
class NodePart:
    """Its fields for a node."""

    feed_endpoint: str
    feed_incarnation: int
    changes_applied: int
    feed_published: int
    epoch: int
    position: int
    patterns: bytes


@dataclasses.dataclass(frozen=True)
class SenderPart:
    """Its fields for a sender."""

    window_bytes: int
    credited: int
    settles_in_ms: int


def _read_welcome(reader: Reader) -> Welcome:
    return Welcome(
        reader.u64(), reader.str8(), reader.u32(), reader.u32(), reader.u64(), reader.u64()
    )


def read_node_welcome(frame: bytes) -> tuple[Welcome, NodePart]:
    """A WELCOME to a node."""
    reader = reader_of(frame, WELCOME, "WELCOME")
    common = _read_welcome(reader)
    endpoint = reader.str8().decode()
    incarnation, applied, published = reader.u64(), reader.u64(), reader.u64()
    epoch, position = reader.u64(), reader.u64()
    patterns = reader.take(reader.u16())
    part = NodePart(endpoint, incarnation, applied, published, epoch, position, patterns)
    reader.end()
    return common, part


def read_sender_welcome(frame: bytes) -> tuple[Welcome, SenderPart]:
    """A WELCOME to a sender."""
    reader = reader_of(frame, WELCOME, "WELCOME")
    common = _read_welcome(reader)
    part = SenderPart(reader.u32(), reader.u64(), reader.u32())
    reader.end()
    return common, part


def read_heartbeat(frame: bytes) -> tuple[int, int, int]:
    """A HEARTBEAT as (feed number, change, streams)."""
    reader = Reader(frame)
    reader.u64()  # the feed's incarnation
    fields = reader.u64(), reader.u64(), reader.u64()
    reader.u64()  # the digest, which only nodes have
    for _ in range(reader.u8()):
        reader.u64()
    reader.end()
    return fields


@dataclasses.dataclass(frozen=True)
class Batch:
    """A BATCH of a feed."""

    incarnation: int
    """The feed's."""
    number: int
    flags: int
    count: int
    messages: list[tuple[bytes, bytes] | tuple[bytes, bytes, int, int]]
    """Ids and payloads; with origins also the sender and the message's number there."""
    attributes: list[bytes]
    """The block of each message; empty without attributes."""


def read_batch(frame: bytes) -> Batch:
    reader = reader_of(frame, BATCH, "BATCH")
    incarnation, number, flags, count = reader.u64(), reader.u64(), reader.u8(), reader.u32()
    result = Batch(incarnation, number, flags, count, [], [])
    for _ in range(0 if flags == 1 else count):
        origin = (reader.u64(), reader.u64()) if flags & WITH_ORIGINS else None
        user_id = reader.str8()
        if flags & WITH_ATTRIBUTES:
            result.attributes.append(reader.str8())
        payload = reader.take(reader.u32())
        result.messages.append((user_id, payload, *origin) if origin else (user_id, payload))
    if flags == 1:
        reader.u64()  # the first of the batches that are gone
    reader.end()
    return result


@dataclasses.dataclass(frozen=True)
class Kept:
    """The answer to HISTORY."""

    token: int
    reach: int
    has_more: bool
    epoch: int
    since: int
    through: int
    feed: int
    messages: list[tuple[bytes, bytes, int]]
    """Ids, payloads and positions."""


def position_in(block: bytes) -> int:
    """The position among the attributes; 0: there is none."""
    while block:
        tag, length = block[0], block[1]
        if tag == POSITION:
            return int.from_bytes(block[2 : 2 + length], "big")
        block = block[2 + length :]
    return 0


def read_kept(frame: bytes) -> Kept:
    reader = reader_of(frame, KEPT, "KEPT")
    token, reach, flags = reader.u64(), reader.u8(), reader.u8()
    epoch, since, through, feed = (reader.u64() for _ in range(4))
    messages = []
    for _ in range(reader.u32()):
        reader.take(16)  # the origin
        user_id, block = reader.str8(), reader.str8()
        messages.append((user_id, reader.take(reader.u32()), position_in(block)))
    reader.end()
    return Kept(token, reach, bool(flags & 1), epoch, since, through, feed, messages)


OTHER_MESSAGE, UNDER_WAY, NOT_ALLOWED = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
"""In place of numbers of nodes."""


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """A RECEIPT or an ACKNOWLEDGED."""

    first: int
    nodes: list[int | None]
    """For each message; None: not known. Or OTHER_MESSAGE, UNDER_WAY or NOT_ALLOWED."""
    epoch: int
    """Of the positions; 0: there are none."""
    positions: list[int]
    """For each message, 0: it has none."""


def read_outcomes(frame: bytes) -> Outcomes:
    reader = Reader(frame)
    flags, first, count = reader.u8(), reader.u64(), reader.u32()
    numbers = [reader.u32() for _ in range(count)]
    nodes = [None if number == 0xFFFFFFFF else number for number in numbers]
    epoch, positions = 0, [0] * count
    if flags & WITH_POSITIONS:
        epoch, positions = reader.u64(), [reader.u64() for _ in range(count)]
    reader.end()
    return Outcomes(first, nodes, epoch, positions)


def receipt(first: int, *nodes: int, epoch: int = 0, positions: Sequence[int] = ()) -> bytes:
    """`positions`: one for each message, or none at all."""
    head = header(RECEIPT) + bytes([WITH_POSITIONS if positions else 0]) + u64(first)
    kept = u64(epoch) + b"".join(map(u64, positions)) if positions else b""
    return head + u32(len(nodes)) + b"".join(map(u32, nodes)) + kept


def read_answer(frame: bytes) -> tuple[int, bytes]:
    """An ANSWER as (token, JSON text)."""
    reader = Reader(frame)
    fields = reader.u64(), reader.take(reader.u32())
    reader.end()
    return fields


@dataclasses.dataclass
class NodesPage:
    """One page of the answer to QUERY nodes."""

    nodes: list[dict[str, Any]]
    next_argument: bytes | None
    """What to ask for next; None after the last page."""


def read_nodes_page(elements: list[dict[str, Any]]) -> NodesPage:
    """The array of an answer to QUERY nodes."""
    more = [node["more"].encode() for node in elements[-1:] if "more" in node]
    nodes = elements[: len(elements) - len(more)]
    return NodesPage(nodes, more[0] if more else None)


def read_error(frame: bytes) -> tuple[int, int, str]:
    """An ERROR as (code, kind of the refused frame, text)."""
    reader = Reader(frame)
    fields = reader.u16(), reader.u8(), reader.str8().decode()
    reader.end()
    return fields
