"""Results of runs, kept as JSON: what was run, where and when, and its outcome."""

import datetime
import json
import pathlib
import platform
from collections.abc import Iterable, Mapping
from typing import Any

Result = dict[str, Any]


def machine() -> str:
    """A line that names the machine on which the figures were measured."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    names = [line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line]
    total_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    release = ".".join(platform.release().split(".")[:2])
    return (
        f"{len(names)} cores ({names[0] if names else platform.machine()}), "
        f"{total_kib / 2**20:.0f} GiB, Linux {release}"
    )


def origin(seconds: float) -> Result:
    """The place and time of a run that took `seconds` and has just ended."""
    return {
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds),
    }


def write_result(folder: pathlib.Path, name: str, result: Mapping[str, Any]) -> None:
    """Writes the result to NAME.json."""
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def load_results(folder: pathlib.Path, names: Iterable[str]) -> dict[str, Result]:
    """The named results that exist in the folder, by name."""
    paths = {name: folder / f"{name}.json" for name in names}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists()
    }
