"""Runs a libFuzzer target on its corpus, then lets it look for more for a while.

New inputs go to a temporary folder. Only an input that breaks something is kept, in the current
folder; `TARGET FILE` runs it again. To add to the corpus, let the target run on a new folder and
the corpus for some minutes, then copy the few inputs that reach code that no other input reaches:

    TARGET FOLDER CORPUS -max_total_time=600
    TARGET CORPUS FOLDER -set_cover_merge=1 -use_counters=0 -max_len=1024

usage: fuzz.py TARGET CORPUS [--seconds S] [--max-len BYTES]      The exit status is the target's.
"""

import argparse
import subprocess
import sys
import tempfile


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("corpus")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--max-len", type=int, default=4096)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as found:
        command = [
            # New inputs go to the first folder.
            *(options.target, found, options.corpus),
            *(f"-max_total_time={options.seconds}", f"-max_len={options.max_len}"),
            # Each run begins in the same way. An input takes milliseconds; 20 seconds are a hang.
            *("-seed=1", "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"),
            # 77, its own status after an error, means to Meson that the test was skipped.
            "-error_exitcode=1",
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
