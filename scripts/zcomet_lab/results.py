"""Results of runs, kept as JSON: what was run, where and when, and what came of it."""

import datetime
import json
import pathlib
import platform


def machine():
    """A line that says what the figures were measured on."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next(
        line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line
    )
    total_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    cores = info.count("model name")
    release = ".".join(platform.release().split(".")[:2])
    return f"{cores} cores ({model}), {total_kib / 2**20:.0f} GiB, Linux {release}"


def origin(seconds):
    """Where and when a run was made that took so long and has just ended."""
    return {
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds),
    }


def write_result(folder, name, result):
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def load_results(folder):
    """All results in a folder, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
