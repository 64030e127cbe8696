"""Which brokers know an id: docs/PROTOCOL.md, section 9."""

from collections.abc import Mapping

MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15


def digest(text: str) -> int:
    """64-bit FNV-1a."""
    number = 0xCBF29CE484222325
    for byte in text.encode():
        number = (number ^ byte) * 0x100000001B3 & MASK
    return number


def mix(number: int) -> int:
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def draw(name: str, weight: int, user_id: str) -> int:
    seed, number = digest(name), digest(user_id)
    return max(mix(number ^ mix(seed + n * STEP & MASK)) for n in range(1, weight + 1))


def brokers_of(user_id: str, weights: Mapping[str, int], replicas: int = 2) -> list[str]:
    """The names of the brokers, the first first. `weights` has the weight of each by its name."""
    draws = sorted((-draw(name, weight, user_id), name) for name, weight in weights.items())
    return [name for _, name in draws[:replicas]]
