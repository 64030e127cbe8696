"""Apache, as docs/deployment/apache.conf has it."""

import re

from zcomet_lab.programs import Program, Programs

from front import DOCUMENTS, IDLE_S, Front, Site, adapt, servers

MODULES = "/usr/lib/apache2/modules"
# Those that Debian switches on and that matter here: it compresses HTML by default.
DEBIAN_MODULES = ["mpm_event", "authz_core", "mime", "filter", "deflate", "env"]
MAIN = """
ServerName {host}
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog /dev/stderr
User www-data
Group www-data
Listen {host}:{port}
{modules}
TypesConfig /etc/mime.types
AddOutputFilterByType DEFLATE text/html text/plain
Include {site}
"""


def documented_modules() -> list[str]:
    """Those that the comment of the configuration wants."""
    found = re.search(r"a2enmod (.*)", (DOCUMENTS / "apache.conf").read_text(encoding="utf-8"))
    assert found is not None
    return found[1].split()


class Apache(Front):
    name = "Apache"
    program = "apache2"

    def _start(self, programs: Programs, site: Site, path: str) -> Program:
        replaced = {
            **servers(site),
            "*:80": f"{site.host}:{site.http_port}",
            "10.0.0.1:8008": site.api,
            "timeout=60": f"timeout={IDLE_S}",
        }
        config = site.folder / "comet.conf"
        config.write_text(adapt("apache.conf", replaced), encoding="utf-8")
        modules = "\n".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so"
            for name in DEBIAN_MODULES + documented_modules()
        )
        main = site.folder / "apache2.conf"
        main.write_text(
            MAIN.format(
                host=site.host,
                folder=site.folder,
                port=site.http_port,
                modules=modules,
                site=config,
            ),
            encoding="utf-8",
        )
        return programs.start(path, "-D", "FOREGROUND", "-f", main, name="apache")
