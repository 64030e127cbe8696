"""Judges the record of an attack: what must hold whatever anybody does who has no key."""

from collections.abc import Iterator
from typing import Any

from zcomet_lab.attacks.scene import Attack

LATENCY_MAX_MS = 100
# So much of its memory may be left to a process a minute after the attack.
KEPT_MAX = 1.10
# The options' bounds are without what the allocator adds.
ALLOCATED_MAX = 1.125
# So much freed memory a process may keep for its next peak (topology/process/heap.hpp, kMuch).
FREED_MAX = 32 << 20


def failures_of(record: dict[str, Any], attack: Attack, *, short: bool) -> list[str]:
    """What does not hold, a sentence each. In a short run nothing is said about time."""
    found = [*record["failures"], *losses(record), *growths(record), *silences(record, attack)]
    if not short:
        found += [*delays(record), *remains(record)]
    return found


def losses(record: dict[str, Any]) -> Iterator[str]:
    honest = record["honest"]
    if honest["arrived"] != honest["sent"]:
        yield f"{honest['arrived']:,} of the bystander's {honest['sent']:,} messages arrived"
    if honest["closed"]:
        yield "the bystander's stream was closed"


def delays(record: dict[str, Any]) -> Iterator[str]:
    latency_ms = record["honest"]["latency_ms"]["p99"]
    if latency_ms >= LATENCY_MAX_MS:
        yield f"the bystander's p99 is {latency_ms:g} ms"


def growths(record: dict[str, Any]) -> Iterator[str]:
    for name, bound in record["bounds"].items():
        memory = record["memory"][name]
        grown = memory["peak"] - memory["before"]
        if grown > bound * ALLOCATED_MAX + FREED_MAX:
            yield f"{name}: grew by {mib(grown)}, and its bound is {mib(bound)}"


def remains(record: dict[str, Any]) -> Iterator[str]:
    for name, memory in record["memory"].items():
        if "after" in memory and not 0 < memory["after"] <= memory["before"] * KEPT_MAX:
            yield (
                f"{name}: {mib(memory['before'])} before, "
                f"{mib(memory['after'])} a minute after the attack"
            )


def silences(record: dict[str, Any], attack: Attack) -> Iterator[str]:
    """Counters that should have told of the attack and did not."""
    for program, names in (("broker", attack.broker_counts), ("node", attack.node_counts)):
        for name in names:
            if record["counted"][program].get(name, 0) <= 0:
                yield f"{program}: {name} does not tell of the attack"


def mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
