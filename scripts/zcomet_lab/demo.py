"""The demonstration behind scripts/demo: a broker, two web nodes, streams, messages, a table.

With --secure it is another one: zcomet_lab.secure_demo.
"""

import argparse
import functools
import pathlib
import signal
import subprocess
import sys
import tempfile

from zcomet_lab import secure_demo
from zcomet_lab.cluster import BROKER_ADMIN, FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.comparison import Comparison, bold, dim, read_sent
from zcomet_lab.namespaces import NotPermitted, enter_private_namespaces
from zcomet_lab.programs import ProgramError, Programs, end_on_signals
from zcomet_lab.skipping import skip
from zcomet_lab.streams import CometStream

NODES = ("a", "b")
# Id 3 is watched on both nodes.
STREAMS = [("a", "1"), ("a", "2"), ("a", "3"), ("b", "3"), ("b", "4"), ("b", "5")]
MESSAGES, INTERVAL_MS, IDS = 20, 10, 5
SENDING_TIMEOUT_S = 30
ARRIVAL_TIMEOUT_S = 5


class Demo:
    """The cluster and its display."""

    def __init__(self, programs: Programs) -> None:
        """Starts the cluster and prints its addresses."""
        self._programs = programs
        self.comparison = Comparison(STREAMS)
        print(bold("Starting a broker and two web nodes"))
        self.broker = Broker(programs, *BROKER_ADMIN)
        print(f"  broker  listens at {self.broker.listen}, publishes at {self.broker.feed}")
        options = ("--workers", 1, "--api", FREE_HTTP_PORT)
        nodes = [WebNode(programs, self.broker.listen, *options, name=name) for name in NODES]
        self.urls = {}
        for name, node in zip(NODES, nodes):
            self.urls[name] = node.await_ready().http
            print(f"  node {name}  serves {node.http}")

    def open_streams(self) -> list[CometStream]:
        """Opens the streams and waits until the broker knows of them; they last with the list."""
        count = len(STREAMS)
        print(bold(f"\nOpening {count} comet streams, two of them for id 3, on different nodes"))
        streams = [
            CometStream(
                f"{self.urls[node]}/test/{user_id}",
                functools.partial(self.comparison.received, index),
            )
            for index, (node, user_id) in enumerate(STREAMS)
        ]
        self.broker.ctl.await_logins(user_id for _, user_id in STREAMS)
        return streams

    def send_messages(self, sent_file: pathlib.Path) -> dict[str, int]:
        """Sends messages to random ids; returns how many went to each."""
        print(
            bold(
                f"\nSending {MESSAGES} messages, {INTERVAL_MS} ms apart, "
                f"to random ids from 1 to {IDS}"
            )
        )
        generator = self._programs.start(
            "zcomet-msggen",
            *("--count", MESSAGES, "--interval", INTERVAL_MS, "--max", IDS),
            *("--broker", self.broker.listen, "--sent", sent_file),
            name="message generator",
        )
        generator.finish(SENDING_TIMEOUT_S)
        return read_sent(sent_file)

    def print_ledger(self) -> bool:
        """Prints the cluster's own count of the messages; returns whether it agrees."""
        print(bold("\nThe ledger: what became of every message, by what each part has counted"))
        return self.broker.ctl.print_ledger()

    def stay(self) -> None:
        """Leaves the cluster running until Ctrl-C."""
        print("\n" + bold("The cluster stays up. Open in a browser:"))
        for url in self.urls.values():
            print(f"  {url}/?id=123")
        print(bold("Then, in another terminal:"))
        for tool, arguments in (
            ("zcomet-ctl", "send 123 'Why not open another browser window too?'"),
            ("zcomet-ctl", "who 123"),
            ("zcomet-ctl", "nodes"),
            ("zcomet-msggen", "--count 1000 --interval 10 --max 5"),
        ):
            print(f"  {self._programs.path(tool)} --broker {self.broker.listen} {arguments}")
        print(f"  curl -N {self.urls[NODES[0]]}/test/5")
        print(dim("The streams above go on, too. Ctrl-C ends it all."), flush=True)
        signal.pause()


def run(options: argparse.Namespace) -> int:
    """Returns the exit status."""
    with (
        tempfile.TemporaryDirectory(prefix="zcomet-demo-") as folder,
        Programs(options.build) as programs,
    ):
        demo = Demo(programs)
        streams = demo.open_streams()
        sent = demo.send_messages(pathlib.Path(folder) / "sent")
        demo.comparison.await_all(sent, ARRIVAL_TIMEOUT_S)
        arrived = demo.comparison.print_table(sent)
        arrived = demo.print_ledger() and arrived
        if options.keep:
            demo.stay()
        del streams
        return 0 if arrived else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Runs a Zcomet cluster on this machine and shows messages travel through it. "
        "The exit status is 0 if every stream received everything that was sent to its id, and "
        "the cluster's own count agrees.",
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the cluster running, say what to try, end it with Ctrl-C",
    )
    parser.add_argument(
        "--secure",
        action="store_true",
        help="show instead who is served and who is refused by a cluster with keys and tokens, on "
        "several hosts, which are network namespaces. Needs root; the exit status is 77 if "
        "namespaces are not permitted here",
    )
    options = parser.parse_args()
    end_on_signals()
    try:
        if options.secure:
            enter_private_namespaces()
            return secure_demo.run(options)
        return run(options)
    except KeyboardInterrupt:
        print()
        return 0 if options.keep else 130
    except NotPermitted as error:
        return skip(f"network namespaces are not permitted here ({error})")
    except (ProgramError, OSError, subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
