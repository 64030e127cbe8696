"""Nchan, the publish and subscribe module of nginx, for comparison.

It is configured as its documentation (https://nchan.io) has it: the two locations of "Getting
Started", with the channel's id as an argument, which spares nginx a regular expression. Its
subscribers are those of "HTTP Chunked Transfer", to which a message is a chunk and nothing else.
Messages are kept as they are by default, in memory: "nchan_store_messages off" is "not recommended
when publishing very quickly". Connections are never closed for the number of their requests, and
nothing is logged.
"""

import getpass
import pathlib

from zcomet_lab.addresses import free_ports, listens, own_address
from zcomet_lab.processes import cpu_s, files_max, processes_of
from zcomet_lab.suite import Lab
from zcomet_lab.waiting import await_true

NGINX = pathlib.Path("/usr/sbin/nginx")
MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

CONFIGURATION = """
load_module {module};
user {user};
worker_processes {workers};
worker_rlimit_nofile {files};
pid {folder}/pid;
error_log stderr;
events {{
    worker_connections {files};
}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    server {{
        listen {address} backlog=4096{reuseport};
        {tls}
        location = /sub {{
            nchan_subscriber;
            nchan_channel_id $arg_id;
        }}
        location = /pub {{
            nchan_publisher;
            nchan_channel_id $arg_id;
        }}
    }}
}}
"""


def is_installed() -> bool:
    return NGINX.exists() and MODULE.exists()


class Nchan:
    """A running nginx with Nchan."""

    publish_path = "/pub?id={id}"
    headers: tuple[str, ...] = ("TE: chunked",)
    """Of a subscriber's request."""

    def __init__(self, lab: Lab, workers: int, tls: tuple[str, str] | None = None) -> None:
        """`tls`: the files of a certificate and its key."""
        self._lab = lab
        host = own_address()
        port = free_ports(host, 1)[0]
        self.api = f"{host}:{port}"
        self.url = f"{'https' if tls else 'http'}://{self.api}/sub?id={{id}}"
        folder = lab.folder / f"nchan-{port}"
        folder.mkdir()
        config = folder / "nginx.conf"
        config.write_text(
            CONFIGURATION.format(
                module=MODULE,
                user=getpass.getuser(),
                workers=workers,
                files=files_max(),
                folder=folder,
                address=self.api,
                # As a web node's workers listen.
                reuseport=(" reuseport" if workers > 1 else "") + (" ssl" if tls else ""),
                tls=f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else "",
            ),
            encoding="utf-8",
        )
        self._program = lab.programs.start(
            str(NGINX), "-e", "stderr", "-c", config, "-g", "daemon off;", name="nginx"
        )
        self.pid = self._program.pid
        await_true(lambda: f"nginx listens\n{self._program.log()}", lambda: listens(host, port))

    def await_streams(self, streams: int) -> None:
        """A subscriber's head comes when it has subscribed."""

    def cpu_s(self) -> float:
        """Processor time so far, in seconds."""
        return cpu_s(processes_of(self._program.pid))

    def end(self) -> None:
        self._lab.programs.end(self._program)
