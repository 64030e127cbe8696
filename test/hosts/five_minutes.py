"""README's five minutes work as read: a message shows in the open window, or is told to be lost.

The commands use the programs' default addresses, so all this is in a network namespace of its own.
usage: five_minutes.py BUILD README
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.programs import Programs
from zcomet_lab.stats import DIRECT
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

PROGRAMS = ["zcomet-webnode", "zcomet-ctl", "zcomet-msggen"]
TIMEOUT_S = 20
MESSAGES = 22  # one of curl, one of zcomet-ctl, twenty of zcomet-msggen


def lines_of(readme: str, section: str, pattern: str) -> list[str]:
    """The lines of a section that begin with the pattern."""
    text = readme.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^{pattern}.*", text, re.MULTILINE)


def check_page(url: str) -> None:
    """The page is there, and may send to the API."""
    with DIRECT.open(url, timeout=TIMEOUT_S) as answer:
        text = answer.read().decode()
    assert '<meta name="zcomet-send" content="http://127.0.0.1:8008">' in text, text


def run(command: str, path: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        env=os.environ | {"PATH": f"{path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}: status {done.returncode}: {done.stderr}"
    return done.stdout


def check_token(programs: Programs, readme: str, listen: str, path: str) -> None:
    """Who has a token may listen, and nobody else."""
    [make_key] = lines_of(readme, "By hand", r"\(umask")
    [start] = lines_of(readme, "By hand", "zcomet-webnode --token-keys")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run(make_key, path)
        programs.start(*re.sub("#.*", "", start).split()).await_ready()
        # The stream does not end.
        status = "curl -sN -o shown -w '%{http_code}' --max-time 1"
        listen = listen.replace("curl -N", status) + " || [ $? = 28 ]"
        assert run(listen, path) == "200", listen
        without = re.sub(r"\?token=[^\"]*", "", listen)
        assert run(without, path) == "401", without
        os.chdir("/")


def check_keys(programs: Programs, readme: str, path: str) -> None:
    """A broker with keys lets its web node in."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        keys = f"{folder}/keys"
        init, new = (
            line.replace("/etc/zcomet/keys", keys)
            for line in lines_of(readme, "By hand", "zcomet-ctl keys")
        )
        [broker] = lines_of(readme, "By hand", "zcomet-broker --keys")
        [web_node] = lines_of(readme, "By hand", "zcomet-webnode --broker .* --key")
        run(init, path)
        programs.start(*broker.replace("/etc/zcomet/keys", keys).split()).await_ready()
        run(re.sub("#.*", "", new), path)
        [make_token_key] = lines_of(readme, "By hand", r"\(umask")
        run(make_token_key, path)
        programs.start(*web_node.replace("BROKERHOST", "127.0.0.1").split()).await_ready()
        os.chdir("/")


def check(build: str, readme: str) -> None:
    [url] = set(re.findall(r"http://localhost:\d+/test/\d+", readme))
    path = ":".join(
        sorted({str(pathlib.Path(Programs(build).path(name)).parent) for name in PROGRAMS})
    )
    [page] = set(re.findall(r"<(http://localhost:\d+/)>", readme))
    [start] = lines_of(readme, "Five minutes", "build/webnode/zcomet-webnode")
    [by_http] = lines_of(readme, "Five minutes", "curl")
    by_hand = lines_of(readme, "By hand", "(?:curl|zcomet-(?!webnode|broker|ctl keys))")
    with Programs(build) as programs:
        web_node = programs.start("zcomet-webnode", *re.sub("#.*", "", start).split()[1:])
        web_node.await_ready()
        check_page(page)
        parts = urllib.parse.urlsplit(url)
        stream = RecordedStream(f"http://{parts.netloc}", parts.path.removeprefix("/test/"))
        who, to_window, to_nobody, nodes, generated, lost, listen = by_hand
        await_true("the window is logged in", lambda: '"nodes":1' in run(by_http, path))
        assert '"streams":1' in run(who, path)
        assert "held by 1 node" in run(to_window, path)
        assert "void" in run(to_nobody, path)
        assert " live " in run(nodes, path)
        run(generated, path)
        assert "all messages went to nobody" in run(lost, path)
        await_true("the messages are shown", lambda: len(stream.shown) == MESSAGES)
        web_node.ask_to_end()
        web_node.finish(TIMEOUT_S)
        check_token(programs, readme, listen, path)
    with Programs(build) as programs:
        check_keys(programs, readme, path)


def main() -> int:
    readme = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
    done = "the README's five minutes went as written"
    return run_on_own_loopback(lambda: check(sys.argv[1], readme), done)


if __name__ == "__main__":
    sys.exit(main())
