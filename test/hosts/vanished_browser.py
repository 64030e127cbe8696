"""A browser whose cable is pulled is logged out within --vanished-after, without a message having been sent
to it; one that is merely quiet keeps its stream.

usage: vanished_browser.py WEBNODE BROKER CTL      (the programs)
"""

import subprocess
import sys
import time

from zcomet_lab.logins import await_logins, nodes_of
from zcomet_lab.namespaces import Network, NotPermitted, enter_private_namespaces, on_host
from zcomet_lab.programs import Programs

SERVER = "10.7.0.1"
ADDRESSES = {"server": SERVER, "quiet": "10.7.0.2", "vanishing": "10.7.0.3"}
VANISHED_AFTER_S = 10  # the least there is
SLACK_S = 2
SKIPPED = 77


def check(web_node_path, broker_path, ctl_path):
    broker = f"tcp://{SERVER}:5555"
    ctl = [*on_host("server"), ctl_path, "--broker", broker]
    with Programs() as programs:
        programs.start(
            broker_path, ["--listen", broker], name="broker", prefix=on_host("server")
        ).await_ready()
        url = programs.start(
            web_node_path,
            ["--broker", broker, "--http", f"{SERVER}:0", "--vanished-after", VANISHED_AFTER_S],
            name="web node",
            prefix=on_host("server"),
        ).await_ready()["http"]
        for name in ("quiet", "vanishing"):
            programs.start(
                sys.executable,
                ["-m", "zcomet_lab.streams", f"{url}/test/{name}"],
                name=name,
                prefix=on_host(name),
            ).await_line("streams open")
        await_logins(ctl, ["quiet", "vanishing"])
        subprocess.run(["ip", "-n", "vanishing", "link", "set", "eth0", "down"], check=True)
        pulled = time.monotonic()
        while nodes_of(ctl, "vanishing") > 0:
            assert time.monotonic() < pulled + VANISHED_AFTER_S + SLACK_S, "it is still logged in"
            time.sleep(0.1)
        found_after = time.monotonic() - pulled
        # As long again, so that a stream which is only quiet has had time to be taken for dead.
        while time.monotonic() < pulled + 2 * VANISHED_AFTER_S:
            assert nodes_of(ctl, "quiet") == 1, "a quiet browser lost its stream"
            time.sleep(0.5)
    return found_after


def main():
    try:
        enter_private_namespaces()
        Network(ADDRESSES)
    except NotPermitted as error:
        print(f"skipped: network namespaces are not permitted here ({error})")
        return SKIPPED
    found_after = check(*sys.argv[1:])
    print(f"the vanished browser was logged out after {found_after:.1f} s, the quiet one was not")
    return 0


if __name__ == "__main__":
    sys.exit(main())
