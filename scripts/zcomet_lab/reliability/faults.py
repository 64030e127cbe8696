"""Real faults in clusters of real programs, one after another, each in a cluster of its own."""

import subprocess
import sys

from zcomet_lab import ROOT
from zcomet_lab.programs import Argument, ProgramError
from zcomet_lab.reliability.lab import ended_badly, run_json, shown
from zcomet_lab.results import Result
from zcomet_lab.suite import Lab

RUNNER = ROOT / "test" / "fault" / "fault.py"
SHORT_FAULT = "kill-broker"
TIMEOUT_S = 120


def run_runner(lab: Lab, timeout_s: float, *arguments: Argument) -> Result:
    """Runs fault.py with these arguments. Returns what happened, its figures, and what failed."""
    options = ["--build", lab.options.build, *arguments]
    result: Result = {
        "command": f"PYTHONPATH=scripts python3 {shown([RUNNER, *options])}",
        "failures": [],
        "skipped": None,
        "happened": [],
        "figures": None,
    }
    try:
        findings = run_json(lab, "fault.py", [sys.executable, RUNNER, *options], timeout_s)
    except ProgramError as error:
        result["failures"].append(str(error).partition("\n")[0])
        return result
    lines = findings.lines
    result["skipped"] = next((line["skipped"] for line in lines if "skipped" in line), None)
    result["figures"] = next((line for line in lines if "ledger" in line), None)
    result["happened"] = [line for line in lines if "whole_again_s" in line]
    flowed_again_s = result["figures"]["flowed_again_s"] if result["figures"] else []
    for happened, seconds in zip(result["happened"], flowed_again_s):
        happened["flowed_again_s"] = seconds
    result["failures"] += [line["failed"] for line in lines if "failed" in line]
    done = result["skipped"] or (findings.status == 0 and result["figures"])
    if not done and not result["failures"]:
        result["failures"].append(ended_badly("fault.py", findings))
    if result["failures"]:
        print(findings.log, file=sys.stderr)
    return result


def names(lab: Lab) -> list[str]:
    """The chosen faults; by default all."""
    if lab.short:
        return [SHORT_FAULT]
    listed = subprocess.check_output([sys.executable, RUNNER, "--list"], text=True).split()
    return lab.options.fault or listed


def outcome(run_of_one: Result) -> str:
    """The result of one fault, for the terminal."""
    if run_of_one["failures"]:
        return "FAILED"
    if run_of_one["skipped"]:
        return f"skipped: {run_of_one['skipped']}"
    return f"whole again after {run_of_one['happened'][0]['whole_again_s']} s"


def run(lab: Lab) -> Result:
    runs = []
    for name in names(lab):
        runs.append({"fault": name, **run_runner(lab, TIMEOUT_S, "--fault", name)})
        print(f"  {name}: {outcome(runs[-1])}", flush=True)
    return {
        "failures": [f"{each['fault']}: {text}" for each in runs for text in each["failures"]],
        "skipped": runs[0]["skipped"] if all(each["skipped"] for each in runs) else None,
        "runs": runs,
    }
