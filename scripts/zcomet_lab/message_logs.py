"""Single messages in the logs of zcomet-msggen and zcomet-floodtest (`--log`; see its man page)."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Arrival:
    """A message on a stream. Times are nanoseconds since 1970."""

    sent_ns: int
    arrived_ns: int

    @property
    def latency_ns(self) -> int:
        return self.arrived_ns - self.sent_ns


def read_arrivals(sent: pathlib.Path, received: pathlib.Path) -> list[Arrival]:
    """The messages in the log of msggen that are also in that of floodtest."""
    sent_ns: dict[tuple[str, str], int] = {}
    for line in sent.read_text(encoding="utf-8").splitlines():
        what, sender, number, _, at, *_ = line.split("\t")
        if what == "sent":
            sent_ns[sender, number] = int(at)
    arrivals = []
    for line in received.read_text(encoding="utf-8").splitlines():
        what, _, _, at, *rest = line.split("\t")
        if what == "got":
            _, sender, number = rest
            if (sender, number) in sent_ns:
                arrivals.append(Arrival(sent_ns[sender, number], int(at)))
    return arrivals
