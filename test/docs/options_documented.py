"""A program's --help and its man page name the same options with the same defaults.

Reads the page's source. An option is documented by an item (.It) that has it as a flag (.Fl -name).
The item's text, up to the next item, has to show the default. The help of a program's commands
counts as the program's.

usage: options_documented.py PROGRAM MAN-PAGE      The exit status is 0 if they agree.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

# "  -h,--help   …" or "  --name TYPE:UINT in [1 - 9]=5 Excludes: --other   …": the name, and the
# words up to the gap before the description, one of which may have a default.
HELP_OPTION = re.compile(r"^  (?:-\w,)?--([a-z][a-z0-9-]*)((?: \S+)*)")
# CLI11 2.4 (Debian 13) writes a default as " [5]".
HELP_DEFAULT = re.compile(r"=(\S+)|(?<= )\[(\S+)\]")
HELP_COMMAND = re.compile(r"^  ([a-z]+)  ")
PAGE_FLAG = re.compile(r"\bFl -([a-z][a-z0-9-]*)")
TIMEOUT_S = 20

Options = dict[str, str | None]
"""The default of each option, or None if it has none."""


def help_text(program: str, *command: str) -> str:
    run = subprocess.run(
        [program, *command, "--help"], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    return run.stdout


def options_in_help(text: str) -> Options:
    """The options of one --help."""
    options: Options = {}
    for line in text.splitlines():
        if match := HELP_OPTION.match(line):
            default = HELP_DEFAULT.search(match[2])
            options[match[1]] = (default[1] or default[2]) if default else None
    return options


def commands_in_help(text: str) -> list[str]:
    _, _, commands = text.partition("\nSubcommands:\n")
    return [match[1] for match in map(HELP_COMMAND.match, commands.splitlines()) if match]


def options_of_program(program: str, *command: str) -> Options:
    """The options of a program and its commands, or of a command and those that it has."""
    text = help_text(program, *command)
    options = options_in_help(text)
    for name in commands_in_help(text):
        options |= options_of_program(program, *command, name)
    return options


def options_of_page(path: str) -> dict[str, str]:
    """The options that have an item of their own, and the item's text."""
    with open(path, encoding="utf-8") as page:
        items = re.split(r"^\.It ", page.read(), flags=re.MULTILINE)[1:]
    documented: dict[str, str] = {}
    for item in items:
        heading, _, text = item.partition("\n")
        for name in PAGE_FLAG.findall(heading):
            documented[name] = documented.get(name, "") + text
    return documented


def shows(text: str, default: str) -> bool:
    """Whether the default stands in the text as a word of its own."""
    return re.search(rf"(?<!\S){re.escape(default)}(?![\w/:])", text) is not None


def disagreements(options: Options, documented: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(options.keys() - documented.keys()):
        yield f"--{name} is not in the man page"
    for name in sorted(documented.keys() - options.keys()):
        yield f"--{name} is in the man page, but is not an option"
    for name in sorted(options.keys() & documented.keys()):
        default = options[name]
        if default is not None and not shows(documented[name], default):
            yield f"--{name}: the man page does not show its default, {default}"


def main() -> int:
    program, page = sys.argv[1:]
    options = options_of_program(program)
    found = list(disagreements(options, options_of_page(page)))
    # A help text that this script cannot read would agree with an empty page.
    if "help" not in options:
        found = ["--help is unreadable"]
    for disagreement in found:
        print(f"{page}: {disagreement}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
