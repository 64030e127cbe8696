"""SIGHUP reads the log level again, in every process of a broker and of a web node; none ends.

usage: hangup_test.py BUILD      (the build directory)
"""

import pathlib
import sys
import tempfile

from zcomet_lab.processes import children_of
from zcomet_lab.programs import Program, Programs
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

TIMEOUT_S = 20


def hang_up(program: Program, config: pathlib.Path, level: str, event: str) -> None:
    """Writes another level, sends the signal, and waits for the line that tells of it."""
    before = program.log().count(event)
    config.write_text(f'log-level = "{level}"\n')
    program.hang_up()
    await_true(lambda: f"{event}\n{program.log()}", lambda: program.log().count(event) > before)


def check_reloads(program: Program, config: pathlib.Path) -> None:
    assert program.log() == "", program.log()
    children = children_of(program.pid)
    hang_up(program, config, "loud", "event=not-reloaded")
    hang_up(program, config, "info", "event=reloaded log_level=info")
    assert children_of(program.pid) == children


def await_logged(program: Program, event: str) -> None:
    """Waits for a line of the level info or warning, by a child of the program."""
    await_true(lambda: f"{event}\n{program.log()}", lambda: event in program.log())


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Programs(sys.argv[1]) as programs:
        config = pathlib.Path(name) / "options.toml"
        config.write_text('log-level = "error"\n')
        any_port = "tcp://127.0.0.1:0"
        broker = programs.start(
            *("zcomet-broker", "--supervise", "--config", config),
            *("--listen", any_port, "--feed", any_port),
        )
        web_node = programs.start(
            *("zcomet-webnode", "--config", config, "--broker", broker.await_ready()["listen"]),
            *("--http", "127.0.0.1:0", "--max-streams", 1),
        )
        http = web_node.await_ready()["http"]
        check_reloads(web_node, config)
        stream = RecordedStream(http, "1")
        await_logged(web_node, "event=full")
        check_reloads(broker, config)
        broker.ask_to_end()
        await_logged(broker, "event=stopping")
        broker.finish(TIMEOUT_S)
        del stream


if __name__ == "__main__":
    main()
