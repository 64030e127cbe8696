"""Streams over TLS: their memory and the cost of opening them, beside nginx with Nchan.

Both have one worker and the same certificate, on P-256, and clients speak TLS 1.3. Memory is that
of 8,000 streams more, beyond the first 2,000, so that what a process takes once does not count.
"""

import dataclasses
import statistics
import subprocess

from zcomet_lab.bench.nchan import Nchan, is_installed
from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.cluster import Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import cpu_s, memory, processes_of
from zcomet_lab.programs import Argument, ProgramError
from zcomet_lab.suite import Lab

FIRST, FIRST_SHORT = 2_000, 100
MORE, MORE_SHORT = 8_000, 200
OPENED, OPENED_SHORT = 5_000, 200
PAIRS, PAIRS_SHORT = 5, 1
BYTES_MAX = 10_240
PART_OF_NGINX_MAX = 0.5


@dataclasses.dataclass
class Certificate:
    """Files in PEM."""

    chain: str
    key: str


def make_certificate(lab: Lab) -> Certificate:
    made = Certificate(str(lab.folder / "tls.pem"), str(lab.folder / "tls.key"))
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run([*command, "-keyout", made.key, "-out", made.chain], check=True)
    return made


class Zcomet:
    """A cluster with one worker."""

    headers: tuple[str, ...] = ()

    def __init__(self, lab: Lab, certificate: Certificate | None) -> None:
        options: list[Argument] = []
        if certificate is not None:
            options += ["--tls-cert", certificate.chain, "--tls-key", certificate.key]
        self._cluster = Cluster(lab.programs, workers=1, node_options=options)
        self.url = self._cluster.url
        self.pid = self._cluster.node.program.pid

    def await_streams(self, streams: int) -> None:
        self._cluster.await_ids(streams)

    def end(self) -> None:
        self._cluster.end()


def start(lab: Lab, name: str, certificate: Certificate | None) -> Zcomet | Nchan:
    if name == "nginx":
        files = None if certificate is None else (certificate.chain, certificate.key)
        return Nchan(lab, 1, files)
    return Zcomet(lab, certificate)


def bytes_a_stream(lab: Lab, name: str, certificate: Certificate | None) -> float:
    """PSS of the web node, or of nginx, for each further stream."""
    first, more = (FIRST_SHORT, MORE_SHORT) if lab.short else (FIRST, MORE)
    server = start(lab, name, certificate)
    floods = [Flood(lab.programs, server.url, first, headers=server.headers)]
    server.await_streams(first)
    before = memory(processes_of(server.pid)).pss
    floods.append(Flood(lab.programs, server.url, more, first_id=first + 1, headers=server.headers))
    server.await_streams(first + more)
    after = memory(processes_of(server.pid)).pss
    for flood in floods:
        flood.finish(0)
    server.end()
    return (after - before) / more


def cpu_us_a_stream(lab: Lab, name: str, certificate: Certificate | None) -> float:
    """CPU time of the web node, or of nginx, for opening a stream, in µs."""
    streams = OPENED_SHORT if lab.short else OPENED
    server = start(lab, name, certificate)
    before = cpu_s(processes_of(server.pid))
    flood = Flood(lab.programs, server.url, streams, headers=server.headers)
    server.await_streams(streams)
    spent = cpu_s(processes_of(server.pid)) - before
    flood.finish(0)
    server.end()
    return 1e6 * spent / streams


def run(lab: Lab) -> list[Row]:
    if not is_installed():
        if not lab.short:
            raise ProgramError("Nchan is not installed (Debian: nginx, libnginx-mod-nchan)")
        return []
    certificate = make_certificate(lab)
    ours = bytes_a_stream(lab, "Zcomet", certificate)
    nginx = bytes_a_stream(lab, "nginx", certificate)
    pairs = [
        (
            cpu_us_a_stream(lab, "nginx", certificate),
            cpu_us_a_stream(lab, "Zcomet", certificate),
        )
        for _ in range(PAIRS_SHORT if lab.short else PAIRS)
    ]
    ratio = statistics.median(own / max(other, 1e-9) for other, own in pairs)
    return [
        at_most("Zcomet: web node, bytes a stream over TLS", ours, "B", BYTES_MAX),
        Row("Zcomet: the same without TLS", bytes_a_stream(lab, "Zcomet", None), "B"),
        Row("nginx: bytes a stream over TLS", nginx, "B"),
        Row("nginx: the same without TLS", bytes_a_stream(lab, "nginx", None), "B"),
        at_most("ratio of bytes over TLS", ours / nginx, "", PART_OF_NGINX_MAX),
        Row("Zcomet: CPU a stream opened", statistics.median(own for _, own in pairs), "µs"),
        Row("nginx: CPU a stream opened", statistics.median(other for other, _ in pairs), "µs"),
        at_most("ratio of CPU", ratio, "", 1),
    ]
