"""Caddy, as docs/deployment/Caddyfile has it."""

from zcomet_lab.programs import Program, Programs

from front import Front, Site, adapt, servers

# Caddy makes its own certificates only for names, and would listen on port 80 for redirections.
GLOBAL = "{\n\tadmin off\n\tauto_https off\n}\n"


class Caddy(Front):
    name = "Caddy"
    program = "caddy"
    speaks_tls = True
    cuts_idle = False
    asks_another_for_503 = True

    def _start(self, programs: Programs, site: Site, path: str) -> Program:
        host = site.host
        certificate = f"tls {site.certificate.certificate} {site.certificate.key}"
        replaced = {
            **servers(site),
            "https://comet.example.com {": f"{site.https} {{\n\tbind {host}\n\t{certificate}",
            "http://comet.example.com {": f"{site.http} {{\n\tbind {host}",
            "http://10.0.0.1:8008 {": f"http://{site.api} {{",
            "bind 10.0.0.1\n": f"bind {host}\n",
        }
        config = site.folder / "Caddyfile"
        config.write_text(GLOBAL + adapt("Caddyfile", replaced), encoding="utf-8")
        home = [f"{name}={site.folder}" for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")]
        run = (path, "run", "--config", config, "--adapter", "caddyfile")
        return programs.start("/usr/bin/env", *home, *run, name="caddy")
