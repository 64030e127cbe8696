"""Varnish, as docs/deployment/varnish.vcl and varnish.conf have it."""

import re
import shlex

from zcomet_lab.programs import Program, Programs

from front import IDLE_S, Front, Site, adapt


class Varnish(Front):
    name = "Varnish"
    program = "varnishd"
    # Its write of the second one fails. Has the thread that reads from the web node not heard of it
    # before it waits for the next, the third one ends the stream.
    signs_max = 3
    asks_another_for_503 = True

    def _start(self, programs: Programs, site: Site, path: str) -> Program:
        config = site.folder / "default.vcl"
        config.write_text(adapt("varnish.vcl", self._servers(site)), encoding="utf-8")
        options = adapt(
            "varnish.conf",
            {
                "-j unix,user=vcache": f"-j none -n {site.folder}/varnish",
                "public=:80": f"public={site.host}:{site.http_port}",
                "api=10.0.0.1:8008": f"api={site.api}",
                "/etc/varnish/default.vcl": str(config),
                "between_bytes_timeout=60": f"between_bytes_timeout={IDLE_S}",
            },
        )
        command = re.search(r"^ExecStart=/usr/sbin/varnishd (.*)$", options, re.MULTILINE)
        assert command is not None
        return programs.start(path, *shlex.split(command[1]), name="varnish")

    @staticmethod
    def _servers(site: Site) -> dict[str, str]:
        replaced = {}
        for port, addresses in (("8000", site.nodes), ("8008", site.apis)):
            for host, address in zip(("10.0.0.11", "10.0.0.12"), addresses, strict=True):
                new_host, _, new_port = address.partition(":")
                replaced[
                    f'.host = "{host}"; .port = "{port}"'
                ] = f'.host = "{new_host}"; .port = "{new_port}"'
        return replaced
