"""Says the end of a subscription that it never had, to the feed of another node.

usage: python3 -m zcomet_lab.unsubscribing KEY-FILE FEED INCARNATION      (16 hexadecimal digits)
"""

import pathlib
import sys
import time

from zcomet_lab.attacks.protocol import curve
from zcomet_lab.keys import values_of

# A broker logs one refusal of a kind in a second, so that one of these is in its log.
TIMES, PAUSE_S = 6, 0.25


def main() -> None:
    key_file, feed, incarnation = sys.argv[1:]
    with curve.Peer(feed, values_of(pathlib.Path(key_file)), b"SUB") as peer:
        for _ in range(TIMES):
            peer.say(b"\x00" + bytes.fromhex(incarnation))
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
