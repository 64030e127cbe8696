"""Programs publish by the libraries that they have for CloudEvents and for GRIP proxies.

usage: publishers.py BUILD      (the build directory)
"""

import json
import pathlib
import subprocess
import sys
from typing import Any

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.lines import Lines
from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip

from client_list import HERE, why_no_packages

PUBLISH_S = 60

EVENTS = ['a "text"\n\u00fc', '{"b":1,"a":[true,"\u00fc"]}', "bytes", "plain", '{"b":1}', "first"]
ITEMS = ["one\n", "two", "three", "four"]
ANSWERS_TO_ITEMS = [
    *({name: "Published"} for name in ("stream", "response", "bytes", "formats")),
    {"close": 400},
    {"channel": "Published"},
]
EMITTED = ["structured", "binary"]
CHANNEL_ID = "~tgVUkry4V6S_a6_IwGzhXGYb8UWUVXTp7RnpsXQ8EsI"  # of /orders/1


def publish(packages: pathlib.Path, api: str) -> list[dict[str, Any]]:
    """What the libraries were told."""
    command = ["node", str(HERE / "publishers.mjs"), str(packages), api]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PUBLISH_S, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(programs: Programs, packages: pathlib.Path) -> None:
    broker = Broker(programs)
    node = WebNode(programs, broker.listen, "--api", FREE_HTTP_PORT).await_ready()
    http_host = node.http.removeprefix("http://")
    user_ids = ["events", "items", CHANNEL_ID, "emitted"]
    events, items, channel, emitted = (
        Lines(http_host, f"/lines/{user_id}") for user_id in user_ids
    )
    broker.ctl.await_logins(user_ids)

    answers = publish(packages, node.api)
    *single, batch = answers[: len(EVENTS) + 1]  # of which one came twice
    assert all(answer["status"] == 200 for answer in single), single
    told = [json.loads(line) for line in batch["body"].splitlines()]
    assert told[0] == {"line": 1, "id": "events", "nodes": 1}, told
    assert "subject" in told[1]["error"], told
    others = answers[len(EVENTS) + 1 :]
    assert others[: len(ANSWERS_TO_ITEMS)] == ANSWERS_TO_ITEMS, answers
    for mode, answer in zip(EMITTED, others[len(ANSWERS_TO_ITEMS) :], strict=True):
        assert answer["mode"] == mode, answer
        assert json.loads(answer["body"]) == {"id": "emitted", "nodes": 1}, answer

    for text in EVENTS:
        shown = json.loads(events.next())
        assert shown == {"id": "events", "event": "tick", "data": text}, (shown, text)
    for text in ITEMS:
        shown = json.loads(items.next())
        assert shown == {"id": "items", "data": text}, (shown, text)
    assert json.loads(channel.next())["data"] == "five"
    for mode in EMITTED:
        assert json.loads(emitted.next())["data"] == f"emitted {mode}"


def main() -> int:
    build = sys.argv[1]
    packages = pathlib.Path(build).resolve() / "npm"
    if why := why_no_packages(packages):
        return skip(why)
    with Programs(build) as programs:
        check(programs, packages)
    print("CloudEvents and GRIP items came by the libraries of others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
