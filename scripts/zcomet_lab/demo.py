"""The demonstration behind scripts/demo: broker, two web nodes, streams, messages, a table."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile

from zcomet_lab.comparison import Comparison, bold, dim, read_sent
from zcomet_lab.ledger import print_ledger
from zcomet_lab.logins import await_logins
from zcomet_lab.programs import ProgramError, Programs, end_on_signals
from zcomet_lab.streams import CometStream

# Id 3 is watched on both nodes.
STREAMS = [("a", "1"), ("a", "2"), ("a", "3"), ("b", "3"), ("b", "4"), ("b", "5")]
MESSAGES, INTERVAL_MS, IDS = 20, 10, 5
ARRIVAL_TIMEOUT_S = 5


class Demo:
    def __init__(self, build, programs):
        self._build = build
        self._programs = programs
        self.broker = ""
        self.urls = {}
        self.comparison = Comparison(STREAMS)

    def path(self, name):
        folder = {"zcomet-broker": "broker", "zcomet-webnode": "webnode"}.get(name, "tools")
        return os.path.join(self._build, folder, name)

    def start_cluster(self):
        print(bold("Starting a broker and two web nodes"))
        broker = self._programs.start(
            self.path("zcomet-broker"),
            [
                "--listen",
                "tcp://127.0.0.1:*",
                "--feed",
                "tcp://127.0.0.1:*",
                "--admin",
                "127.0.0.1:0",
            ],
            name="broker",
        )
        ready = broker.await_ready()
        self.broker = ready["listen"]
        print(f"  broker  listens at {ready['listen']}, publishes at {ready['feed']}")
        nodes = {name: self._start_web_node(name) for name in ("a", "b")}
        for name, node in nodes.items():
            self.urls[name] = node.await_ready()["http"]
            print(f"  node {name}  serves {self.urls[name]}")

    def _start_web_node(self, name):
        return self._programs.start(
            self.path("zcomet-webnode"),
            [
                "--broker",
                self.broker,
                "--http",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--workers",
                1,
                "--name",
                name,
            ],
            name=f"web node {name}",
        )

    def open_streams(self):
        print(
            bold(
                f"\nOpening {len(STREAMS)} comet streams, two of them for id 3, on different nodes"
            )
        )
        return [self._open_stream(index, *placed) for index, placed in enumerate(STREAMS)]

    def _open_stream(self, index, node, user_id):
        return CometStream(
            f"{self.urls[node]}/test/{user_id}",
            lambda number, text: self.comparison.received(index, number, text),
        )

    def send_messages(self, sent_file):
        print(
            bold(
                f"\nSending {MESSAGES} messages, {INTERVAL_MS} ms apart, to random ids from 1 to {IDS}"
            )
        )
        generator = self._programs.start(
            self.path("zcomet-msggen"),
            [
                "--count",
                MESSAGES,
                "--interval",
                INTERVAL_MS,
                "--max",
                IDS,
                "--broker",
                self.broker,
                "--sent",
                sent_file,
            ],
            name="message generator",
        )
        generator.finish(timeout_s=30)
        return read_sent(sent_file)

    def stay(self):
        """Leaves the cluster running until Ctrl-C."""
        url = next(iter(self.urls.values()))
        print("\n" + bold("The cluster stays up. Open in a browser:"))
        for node_url in self.urls.values():
            print(f"  {node_url}/test/123")
        print(bold("Then, in another terminal:"))
        for tool, arguments in (
            ("zcomet-ctl", "send 123 'Why not open another browser window too?'"),
            ("zcomet-ctl", "who 123"),
            ("zcomet-ctl", "nodes"),
            ("zcomet-msggen", "--count 1000 --interval 10 --max 5"),
        ):
            print(f"  {self.path(tool)} --broker {self.broker} {arguments}")
        print(f"  curl -N {url}/test/5")
        print(dim("The streams above go on, too. Ctrl-C ends it all."), flush=True)
        signal.pause()


def run(options):
    with tempfile.TemporaryDirectory(prefix="zcomet-demo-") as folder, Programs() as programs:
        demo = Demo(options.build, programs)
        demo.start_cluster()
        streams = demo.open_streams()
        ctl = [demo.path("zcomet-ctl"), "--broker", demo.broker]
        await_logins(ctl, [user_id for _, user_id in STREAMS])
        sent = demo.send_messages(os.path.join(folder, "sent"))
        demo.comparison.await_all(sent, ARRIVAL_TIMEOUT_S)
        arrived = demo.comparison.print_table(sent)
        print(bold("\nThe ledger: what became of every message, by what each part has counted"))
        arrived = print_ledger(ctl) and arrived
        if options.keep:
            demo.stay()
        del streams
        return 0 if arrived else 1


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Runs a Zcomet cluster on this machine and shows messages travel through it. "
        "The exit status is 0 if every stream received everything that was sent to its id, and the "
        "cluster's own count agrees.",
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the cluster running, say what to try, end it with Ctrl-C",
    )
    options = parser.parse_args()
    end_on_signals()
    try:
        return run(options)
    except KeyboardInterrupt:
        print()
        return 0 if options.keep else 130
    except (ProgramError, OSError, subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
