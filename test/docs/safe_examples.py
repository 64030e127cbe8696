"""The examples in documents are safe as they stand: between hosts they have keys, or stay on one.

Every command and every cluster file in README, in docs/, in the man pages, the systemd units and
topology/examples is held to these rules:
* A broker that other machines reach has keys. No example says --insecure.
* A command that goes to a broker on another host has a key, or takes it from a cluster file.
* Streams, and an API, that other machines reach want tokens, or a backend that says who may listen.
* Pages for operators are on the loopback.

usage: safe_examples.py ROOT      (the source tree)
"""

import ipaddress
import pathlib
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

COMMANDS_MIN, FILES_MIN = 80, 3
WITH_BROKER = ("zcomet-webnode", "zcomet-ctl", "zcomet-msggen")
OPTIONS_FILE = re.compile(r"^ZCOMET_(BROKER|WEBNODE)_OPTIONS=", re.MULTILINE)
BROKER_TABLE = re.compile(r"^\[\[broker\]\]", re.MULTILINE)


def is_local(address: str) -> bool:
    """Whether only this machine reaches HOST:PORT; a scheme may stand in front."""
    host = re.sub(r"^[a-z]+://", "", address).rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def options_of(words: list[str]) -> dict[str, list[str]]:
    """The values of each option; one without a value has an empty one."""
    options: dict[str, list[str]] = {}
    for index, word in enumerate(words):
        if word.startswith("--"):
            name, _, value = word.partition("=")
            following = words[index + 1] if index + 1 < len(words) else ""
            options.setdefault(name, []).append(value or following)
    return options


def command_mistakes(program: str, words: list[str]) -> list[str]:
    """What is not safe about a command."""
    options = options_of(words)

    def reached(*names: str) -> list[str]:
        return [value for name in names for value in options.get(name, []) if not is_local(value)]

    found = []
    if "--insecure" in options:
        found.append("it does without keys")
    if program == "zcomet-broker" and "--keys" not in options and reached("--listen", "--feed"):
        found.append("other machines reach this broker, which has no keys")
    has_key = "--key" in options or "--cluster" in options
    if program in WITH_BROKER and reached("--broker") and not has_key:
        found.append("it goes to a broker on another host without a key")
    if reached("--api") and "--token-keys" not in options:
        found.append("other machines reach its API, which has no keys for tokens")
    is_guarded = "--token-keys" in options or "--auth-hook" in options or "--cluster" in options
    if program == "zcomet-webnode" and reached("--http") and not is_guarded:
        found.append("other machines reach its streams, and nothing says who may listen")
    if "public" in options.get("--auth", []) + options.get("--api-auth", []):
        found.append("it lets everybody in")
    if program in ("zcomet-broker", "zcomet-webnode") and reached("--admin"):
        found.append("other machines reach its page for operators")
    return found


def cluster_mistakes(content: dict[str, Any]) -> list[str]:
    """What is not safe about a cluster file."""
    local = {host["name"]: is_local(f"{host['address']}:0") for host in content["host"]}
    found = []
    for broker in content["broker"]:
        if not local[broker["host"]] and ("keys" not in broker or broker.get("insecure")):
            found.append("other machines reach this broker, which has no keys")
    is_far = not all(local[broker["host"]] for broker in content["broker"])
    for node in content.get("webnode", []):
        if is_far and "key" not in node:
            found.append(f"web node {node['name']} has no key")
        if not local[node["host"]] and ("token_keys" not in node or node.get("auth") == "public"):
            found.append(f"everybody may listen at web node {node['name']}")
    for entry in [*content["broker"], *content.get("webnode", [])]:
        if not is_local(entry.get("admin", "127.0.0.1:0")):
            found.append("other machines reach a page for operators")
    return found


def text_of(path: pathlib.Path) -> str:
    """The text as it is read: long lines whole, and of a man page what mdoc shows of it."""
    text = path.read_text(encoding="utf-8")
    if re.fullmatch(r"\.[1-8]", path.suffix):
        text = re.sub(r"^\.(?:Dl|Ql|D1) ", "", text.replace(r"\-", "-"), flags=re.MULTILINE)
        text = text.replace("\\e\n", "\\\n")
    return text.replace("\\\n", " ")


def commands_in(text: str) -> Iterator[tuple[str, list[str]]]:
    """The program and the words of each command, up to the end of its line or of what is quoted."""
    text = OPTIONS_FILE.sub(lambda found: f"zcomet-{found[1].lower()} ", text)
    for line in re.findall(r"\bzcomet-[a-z]+ [^`\n]*", text):
        for command in re.split(r"(?<=\s)(?=zcomet-[a-z]+ )", line):
            program, *words = re.sub(r"[|;&#].*", "", command).split()
            yield program, words


def files_in(path: pathlib.Path, text: str) -> Iterator[str]:
    """The cluster files in a document."""
    if path.suffix == ".toml":
        yield text
    for block in re.findall(
        r"^(?:```\w*|\.Bd [^\n]*)\n(.*?)^(?:```|\.Ed)$", text, re.M | re.DOTALL
    ):
        if BROKER_TABLE.search(block):
            yield block


def documents(root: pathlib.Path) -> list[pathlib.Path]:
    patterns = ("docs/*.md", "docs/man/*.[1-8]", "topology/examples/*.toml", "scripts/systemd/*.in")
    found = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return [root / "README.md", *found, *sorted((root / "docs" / "deployment").iterdir())]


UNSAFE = (
    "zcomet-broker --listen tcp://10.0.0.1:5555",
    "zcomet-broker --listen tcp://*:5555 --admin 127.0.0.1:9470",
    "zcomet-broker --feed tcp://[::]:5556",
    "zcomet-broker --insecure",
    "zcomet-broker --keys DIR --admin 0.0.0.0:9470",
    "zcomet-webnode --broker tcp://BROKERHOST:5555",
    "zcomet-webnode --api 0.0.0.0:8008",
    "zcomet-webnode --api=10.0.0.1:8008 --api-auth public",
    "zcomet-webnode --http 0.0.0.0:8000",
    "zcomet-webnode --auth public",
    "zcomet-ctl --broker tcp://10.0.0.1:5555 nodes",
    "ZCOMET_BROKER_OPTIONS=--listen tcp://10.0.0.1:5555",
)
SAFE = (
    "zcomet-broker",
    "zcomet-broker --keys DIR --listen tcp://*:5555",
    "zcomet-broker --listen tcp://127.0.0.1:5555 --admin [::1]:9470",
    "zcomet-webnode --broker tcp://10.0.0.1:5555 --key FILE --http 0.0.0.0:8000 --token-keys FILE",
    "zcomet-webnode --http 0.0.0.0:8000 --auth hook --auth-hook http://127.0.0.1:9000/may",
    "zcomet-webnode --broker tcp://localhost:5555 --api 10.0.0.1:8008 --token-keys FILE",
    "zcomet-ctl --cluster FILE nodes",
)
UNSAFE_BROKER = '[[host]]\nname = "a"\naddress = "10.0.0.1"\n[[broker]]\nhost = "a"\n'
SAFE_BROKER = UNSAFE_BROKER + 'keys = "DIR"\n'
UNSAFE_FILES = (
    UNSAFE_BROKER,
    SAFE_BROKER + "insecure = true\n",
    SAFE_BROKER + 'admin = "10.0.0.1:9470"\n',
    SAFE_BROKER + '[[webnode]]\nhost = "a"\nname = "w"\ntoken_keys = ["FILE"]\n',
    SAFE_BROKER + '[[webnode]]\nhost = "a"\nname = "w"\nkey = "FILE"\n',
)


def check_rules() -> None:
    """The rules find what they are for, and nothing else."""
    for commands, is_safe in ((UNSAFE, False), (SAFE, True)):
        for text in commands:
            [(program, words)] = commands_in(text + " ")
            assert is_safe == (not command_mistakes(program, words)), text
    for text in UNSAFE_FILES:
        assert cluster_mistakes(tomllib.loads(text)), text
    assert not cluster_mistakes(tomllib.loads(SAFE_BROKER))


def main() -> int:
    check_rules()
    root = pathlib.Path(sys.argv[1])
    commands = files = mistakes = 0
    for path in documents(root):
        text = text_of(path)
        found: list[str] = []
        for program, words in commands_in(text):
            commands += 1
            told = command_mistakes(program, words)
            found += [f"{program} {' '.join(words)}: {mistake}" for mistake in told]
        for file in files_in(path, text):
            files += 1
            found += cluster_mistakes(tomllib.loads(file))
        mistakes += len(found)
        for mistake in found:
            print(f"{path.relative_to(root)}: {mistake}")
    print(f"{commands} commands and {files} cluster files, {mistakes} mistakes")
    return 1 if mistakes or commands < COMMANDS_MIN or files < FILES_MIN else 0


if __name__ == "__main__":
    sys.exit(main())
