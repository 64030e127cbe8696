"""SIGHUP reads log level and limits again, in every process of a broker and of a web node.

None ends.

usage: hangup_test.py BUILD      (the build directory)
"""

import pathlib
import socket
import sys
import tempfile
import time

from zcomet_lab.processes import children_of
from zcomet_lab.programs import Program, Programs
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

TIMEOUT_S = 20
DEFAULT_DEADLINE_S = 9  # nearly the default of --request-deadline-ms


def hang_up(program: Program, config: pathlib.Path, options: str, event: str) -> None:
    """Writes other options, sends the signal, and waits for the line that tells of it."""
    before = program.log().count(event)
    config.write_text(options)
    program.hang_up()
    await_true(lambda: f"{event}\n{program.log()}", lambda: program.log().count(event) > before)


def check_reloads(program: Program, config: pathlib.Path) -> None:
    assert program.log() == "", program.log()
    children = children_of(program.pid)
    for mistake in ('log-level = "loud"\n', "no-such-option = 1\n", "= 2\n"):
        hang_up(program, config, mistake, "event=not-reloaded")
    hang_up(program, config, 'log-level = "info"\n', "event=reloaded log_level=info")
    assert children_of(program.pid) == children


def check_web_node_limits(web_node: Program, config: pathlib.Path, http: str) -> None:
    """The workers take more streams than before, and write an access log."""
    limits = "max-streams = 3\nper-address = 0\naccess-log = 1\nworkers = 2\n"
    with_limits = f'log-level = "info"\n{limits}'
    told = 'changed="max_streams=3 per_address=0 access_log=1" only_at_the_start=workers'
    hang_up(web_node, config, with_limits, told)
    streams = [RecordedStream(http, str(user_id)) for user_id in range(2)]
    await_logged(web_node, "id=1 address=127.0.0.1:")
    assert "event=opened node=" in web_node.log()
    del streams
    hang_up(web_node, config, with_limits, "changed=- only_at_the_start=workers")


def check_api_limits(web_node: Program, config: pathlib.Path, api: str) -> None:
    """An unfinished request to the API gets its answer long before the default of ten seconds."""
    options = 'log-level = "info"\nrequest-deadline-ms = 100\n'
    hang_up(web_node, config, options, "request_deadline_ms=100")
    host, _, port = api.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as client:
        client.sendall(b"POST /send/1 HTTP/1.1\r\n")
        begun = time.monotonic()
        assert client.recv(4096).startswith(b"HTTP/1.1 408 "), "no answer to half a request"
        assert time.monotonic() - begun < DEFAULT_DEADLINE_S


def check_broker_limits(broker: Program, config: pathlib.Path) -> None:
    with_limits = 'log-level = "info"\nids-max = 1\nmemory-max = 16777216\nname = "other"\n'
    told = 'changed="ids_max=1 memory_max=16777216" only_at_the_start=name'
    hang_up(broker, config, with_limits, told)


def await_logged(program: Program, event: str) -> None:
    """Waits for a line of the level info or warning, by a child of the program."""
    await_true(lambda: f"{event}\n{program.log()}", lambda: event in program.log())


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Programs(sys.argv[1]) as programs:
        config = pathlib.Path(name) / "broker.toml"
        config.write_text('log-level = "error"\n')
        web_config = pathlib.Path(name) / "webnode.toml"
        web_config.write_text('log-level = "error"\nmax-streams = 1\n')
        any_port = "tcp://127.0.0.1:0"
        broker = programs.start(
            *("zcomet-broker", "--supervise", "--config", config),
            *("--listen", any_port, "--feed", any_port),
        )
        web_node = programs.start(
            *("zcomet-webnode", "--config", web_config),
            *("--broker", broker.await_ready()["listen"], "--http", "127.0.0.1:0"),
            *("--api", "127.0.0.1:0"),
        )
        ready = web_node.await_ready()
        http = ready["http"]
        check_reloads(web_node, web_config)
        stop_at_one = 'log-level = "info"\nmax-streams = 1\n'
        hang_up(web_node, web_config, stop_at_one, 'changed="max_streams=1"')
        stream = RecordedStream(http, "0")
        await_logged(web_node, "event=full")
        check_web_node_limits(web_node, web_config, http)
        check_api_limits(web_node, web_config, ready["api"])
        check_reloads(broker, config)
        check_broker_limits(broker, config)
        broker.ask_to_end()
        await_logged(broker, "event=stopping")
        broker.finish(TIMEOUT_S)
        del stream


if __name__ == "__main__":
    main()
