"""The commands in documents and examples are such as the programs take.

Each option of a command must stand in the --help of the program or of one of its commands. In the
examples of cluster files, a command with --cluster FILE is tried with that file: it must not be
refused for its options. Keys are made for it, as the file says.

usage: commands_documented.py ROOT      (the source tree; ZCOMET_BROKER and so on name the programs)
"""

import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from options_documented import options_of_program

TIMEOUT_S = 30
KEYS = "/etc/zcomet"  # where the examples have them
BAD_OPTIONS = 2  # the status of a program that was started wrongly


def commands_in(text: str) -> Iterator[list[str]]:
    """The words of each command, up to the end of its line or of what is quoted."""
    for line in re.findall(r"\bzcomet-[a-z]+ [^`\n]*", text):
        for command in re.split(r"(?<=\s)(?=zcomet-[a-z]+ )", line):
            yield re.sub(r"[|;&#].*", "", command).split()


def options_of(program: str) -> set[str]:
    """The options of a program and its commands."""
    return {f"--{name}" for name in options_of_program(program)}


def check_options(path: pathlib.Path, programs: dict[str, str]) -> int:
    """Returns how many options there are."""
    known = {name: options_of(program) for name, program in programs.items()}
    count = 0
    for name, *words in commands_in(path.read_text(encoding="utf-8")):
        used = {option for word in words for option in re.findall(r"^--[a-z][a-z-]*", word)}
        unknown = used - known.get(name, set())
        assert not unknown, f"{path}: {name} has no {', '.join(sorted(unknown))}"
        count += len(used)
    return count


def make_keys(folder: str, names: list[str], ctl: str) -> None:
    keys = f"{folder}/keys"
    commands = [["init", keys]]
    for name in names:
        out = f"{folder}/{name}.key"
        commands.append(["new", name, "--keys", keys, "--role", "node,sender", "--out", out])
    for command in commands:
        subprocess.run([ctl, "keys", *command], capture_output=True, timeout=5, check=True)


def check_example(path: pathlib.Path, programs: dict[str, str], folder: str) -> int:
    """Returns how many commands were tried. The folder is for keys."""
    text = path.read_text(encoding="utf-8")
    web_nodes = re.findall(r'^\[\[webnode\]\][^[]*^name = "([^"]+)"', text, re.MULTILINE)
    make_keys(folder, web_nodes, programs["zcomet-ctl"])
    token_key = pathlib.Path(folder) / "token.key"
    token_key.touch(mode=0o600)
    token_key.write_text(secrets.token_hex(32), encoding="ascii")
    example = pathlib.Path(folder) / path.name
    example.write_text(text.replace(KEYS, folder), encoding="utf-8")
    count = 0
    for name, *words in commands_in(text):
        if "FILE" not in words:
            continue
        given = {"FILE": str(example), "NAME": web_nodes[0]}
        command = [programs[name], *(given.get(word, word) for word in words)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except subprocess.TimeoutExpired:
            continue  # this host has the address of the example, and the program runs
        finally:
            count += 1
        assert run.returncode != BAD_OPTIONS, f"{path}: {' '.join(words)}: {run.stderr}"
    return count


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    built = (path for name, path in os.environ.items() if name.startswith("ZCOMET_"))
    programs = {pathlib.Path(path).name: path for path in built}
    examples = sorted(root.glob("topology/examples/*.toml"))
    documents = [root / "README.md", *sorted(root.glob("docs/*.md")), *examples]
    options = sum(check_options(path, programs) for path in documents)
    assert options > 0, "no document has a command with an option"
    tried = 0
    for path in examples:
        with tempfile.TemporaryDirectory() as folder:
            tried += check_example(path, programs, folder)
    assert tried > 0, "no example has a command"


if __name__ == "__main__":
    main()
