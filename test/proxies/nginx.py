"""nginx, as docs/deployment/nginx.conf has it."""

from zcomet_lab.programs import Program, Programs

from front import IDLE_S, IS_ROOT, Front, Site, adapt, servers

TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]


class Nginx(Front):
    name = program = "nginx"
    speaks_tls = True
    asks_another_for_503 = True

    def _start(self, programs: Programs, site: Site, path: str) -> Program:
        paths = "\n".join(f"{name}_temp_path {site.folder}/{name};" for name in TEMPORARY)
        replaced = {
            **servers(site),
            **({} if IS_ROOT else {"user www-data;": ""}),
            "pid /run/nginx.pid;": f"pid {site.folder}/pid;",
            "http {": f"http {{\n{paths}",
            "listen 80;": f"listen {site.host}:{site.http_port};",
            "listen 443 ": f"listen {site.host}:{site.https_port} ",
            "listen 10.0.0.1:8008;": f"listen {site.api};",
            "/etc/ssl/certs/comet.pem": str(site.certificate.certificate),
            "/etc/ssl/private/comet.key": str(site.certificate.key),
            "proxy_read_timeout 60s;": f"proxy_read_timeout {IDLE_S}s;",
            "proxy_send_timeout 60s;": f"proxy_send_timeout {IDLE_S}s;",
        }
        config = site.folder / "nginx.conf"
        config.write_text(adapt("nginx.conf", replaced), encoding="utf-8")
        return programs.start(path, "-e", "stderr", "-c", config, "-g", "daemon off;", name="nginx")
