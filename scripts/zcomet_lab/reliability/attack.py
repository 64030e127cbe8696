"""Attacks that need no key, one after another, each on a cluster of its own with a bystander."""

from typing import Any

from zcomet_lab.attacks.runs import ATTACKS, run_all
from zcomet_lab.results import Result
from zcomet_lab.suite import Lab


def outcome(record: dict[str, Any]) -> str:
    """The result of one attack, for the terminal."""
    if record.get("unfinished"):
        return "FAILED"
    latency_ms, honest = record["honest"]["latency_ms"]["p99"], record["honest"]
    text = f"{honest['arrived']} of {honest['sent']} messages, p99 {latency_ms:g} ms"
    if not record["failures"]:
        return text
    return f"{text}, {'fails as is known' if record['known'] else 'FAILED'}"


def run(lab: Lab) -> Result:
    records = []
    for record in run_all(lab.options.attack or ATTACKS, lab.options):
        records.append(record)
        print(f"  {record['attack']}: {outcome(record)}", flush=True)
    return {
        "failures": [
            f"{record['attack']}: {text}"
            for record in records
            if not record["known"]
            for text in record["failures"]
        ],
        "attacks": records,
    }
