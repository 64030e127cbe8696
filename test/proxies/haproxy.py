"""HAProxy, as docs/deployment/haproxy.cfg has it."""

from zcomet_lab.programs import Program, Programs

from front import IDLE_S, Front, Site, adapt, servers


class HAProxy(Front):
    name = "HAProxy"
    program = "haproxy"
    speaks_tls = True
    asks_another_for_503 = True
    server_options = ""

    def _start(self, programs: Programs, site: Site, path: str) -> Program:
        both = site.folder / "both.pem"
        certificate = site.certificate
        both.write_text(certificate.certificate.read_text() + certificate.key.read_text())
        replaced = {
            **{old: new + self.server_options for old, new in servers(site).items()},
            "maxconn 20000": "maxconn 1000",
            "bind :80": f"bind {site.host}:{site.http_port}",
            "bind :443 ": f"bind {site.host}:{site.https_port} ",
            "bind 10.0.0.1:8008": f"bind {site.api}",
            "/etc/haproxy/comet.pem": str(both),
            "timeout client 60s": f"timeout client {IDLE_S}s",
            "timeout server 60s": f"timeout server {IDLE_S}s",
        }
        config = site.folder / "haproxy.cfg"
        config.write_text(adapt("haproxy.cfg", replaced), encoding="utf-8")
        return programs.start(path, "-db", "-f", config, name="haproxy")


class HAProxyWithHeader(HAProxy):
    """With one word more for each web node."""

    name = "HAProxy, PROXY protocol"
    sends_header = True
    server_options = " send-proxy-v2"
