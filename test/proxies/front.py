"""What all proxies have in common: a configuration of docs/deployment, made ready for a test."""

import abc
import dataclasses
import os
import pathlib
import shutil
import subprocess
from collections.abc import Mapping

from zcomet_lab.addresses import free_ports, listens
from zcomet_lab.programs import Program, Programs
from zcomet_lab.waiting import await_true

DOCUMENTS = pathlib.Path(__file__).parents[2] / "docs" / "deployment"
IDLE_S = 2
"""The idle time-out that the proxies get instead of the documented minute."""
SBIN = "/usr/sbin"
IS_ROOT = os.geteuid() == 0


@dataclasses.dataclass
class Certificate:
    """Signed by itself."""

    certificate: pathlib.Path
    key: pathlib.Path

    @staticmethod
    def make(folder: pathlib.Path, host: str) -> "Certificate":
        made = Certificate(folder / "comet.pem", folder / "comet.key")
        command = ["openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=comet"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        command += ["-addext", f"subjectAltName=IP:{host}"]
        command += ["-keyout", str(made.key), "-out", str(made.certificate)]
        subprocess.run(command, check=True, capture_output=True)
        made.key.chmod(0o644)  # a proxy may read it as another user
        return made


@dataclasses.dataclass
class Site:
    """Where a proxy listens, and what it stands in front of."""

    folder: pathlib.Path
    """The proxy's own."""
    certificate: Certificate
    host: str
    nodes: list[str]
    """HOST:PORT of two web nodes."""
    apis: list[str]
    """HOST:PORT of their APIs."""

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o755)
        self.http_port, self.https_port, self.api_port = free_ports(self.host, 3)
        self.http = f"http://{self.host}:{self.http_port}"
        self.https = f"https://{self.host}:{self.https_port}"
        self.api = f"{self.host}:{self.api_port}"


class Front(abc.ABC):
    """A proxy that can be put in front of web nodes."""

    name: str
    program: str
    speaks_tls = False
    sends_header = False
    """Whether it says by the PROXY protocol for whom it connects."""
    cuts_idle = True
    """Whether it ends a stream on which nothing comes."""
    signs_max = 2
    """Signs of life until it has noticed that a browser is gone."""
    asks_another_for_503 = False
    """Whether a web node's 503 makes it ask another one, so that no browser gets it."""

    def path(self) -> str | None:
        """Where the program is; None if it is not installed."""
        return shutil.which(self.program, path=f"{SBIN}:{os.environ['PATH']}")

    def start(self, programs: Programs, site: Site) -> Program:
        """Starts it, and waits until it listens on all of its ports."""
        path = self.path()
        assert path is not None
        proxy = self._start(programs, site, path)
        ports = [site.http_port, site.api_port, *([site.https_port] if self.speaks_tls else [])]
        for port in ports:
            await_true(
                lambda: f"{self.name} listens\n{proxy.log()}", lambda: listens(site.host, port)
            )
        return proxy

    @abc.abstractmethod
    def _start(self, programs: Programs, site: Site, path: str) -> Program:
        """Writes its configuration into the site's folder, and starts it in the foreground."""


def servers(site: Site) -> dict[str, str]:
    """The addresses of web nodes in the documented configurations, and those of the test."""
    documented = ["10.0.0.11", "10.0.0.12"]
    return {
        f"{host}:{port}": address
        for port, addresses in ((8000, site.nodes), (8008, site.apis))
        for host, address in zip(documented, addresses, strict=True)
    }


def adapt(document: str, replaced: Mapping[str, str]) -> str:
    """The text of a documented configuration with other words in some places. Each must occur."""
    text = (DOCUMENTS / document).read_text(encoding="utf-8")
    for old in replaced:
        assert old in text, f"docs/deployment/{document} has no '{old}'"
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text
