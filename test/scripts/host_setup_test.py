"""scripts/host-setup on a made-up /proc: its demands, the values that it sets, its exit status."""

import pathlib
import subprocess
import tempfile
import unittest
from collections.abc import Mapping

Done = subprocess.CompletedProcess[str]

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "host-setup"

# A host where every setting suffices for 1,000 streams.
SYSCTLS = {
    "fs.nr_open": "1048576",
    "fs.file-max": "1000000",
    "net.core.netdev_max_backlog": "1000",
    "net.core.somaxconn": "4096",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.ipv4.tcp_max_syn_backlog": "8192",
    "net.ipv4.tcp_mem": "100000\t200000\t300000",
    "net.ipv4.tcp_migrate_req": "1",
    "net.ipv4.tcp_rmem": "4096\t131072\t6291456",
    "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
}
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 {}               files
"""


class Host:
    """The files of a host, and host-setup run on them."""

    def __init__(
        self, sysctls: Mapping[str, str], memory_kb: int = 8_000_000, open_files: int = 20_000
    ) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._proc = pathlib.Path(self._folder.name) / "proc"
        for name, text in sysctls.items():
            self._write(self._path(name), text + "\n")
        self._write(self._proc / "meminfo", f"MemTotal:       {memory_kb} kB\nMemFree: 1 kB\n")
        self._write(self._proc / "self" / "limits", LIMITS.format(open_files))

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def _path(self, name: str) -> pathlib.Path:
        return self._proc / "sys" / pathlib.Path(*name.split("."))

    @staticmethod
    def _write(path: pathlib.Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")

    def sysctl(self, name: str) -> list[str]:
        return self._path(name).read_text(encoding="ascii").split()

    def forbid(self, name: str) -> None:
        """Makes a setting that not even root can write: a link to a file of this kernel."""
        self._path(name).unlink()
        self._path(name).symlink_to("/proc/sys/kernel/cap_last_cap")

    def run(self, *options: str) -> Done:
        size = ("--page-size", "4096", "--workers", "2")
        command = [str(SCRIPT), "--root", self._folder.name, *size, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def row(done: Done, name: str) -> list[str]:
    """The cells of a setting's line."""
    for line in done.stdout.splitlines():
        if line.startswith(name + "  "):
            return line.removeprefix(name).split()
    raise AssertionError(f"no line for {name} in:\n{done.stdout}{done.stderr}")


class HostSetup(unittest.TestCase):
    def test_nothing_lacks(self) -> None:
        with Host(SYSCTLS) as host:
            done = host.run("--streams", "1000")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("LACKS", done.stdout)
        self.assertEqual(row(done, "fs.nr_open"), ["1048576", "1048576", "ok"])

    def test_a_million_streams_want_more(self) -> None:
        with Host(SYSCTLS, memory_kb=4_000_000) as host:
            done = host.run()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            row(done, "net.ipv4.tcp_mem"),
            ["100000", "200000", "300000", "750000", "1000000", "1500000", "LACKS"],
        )
        # 500,000 for each of two processes, a reserve of 4,096, and 64.
        self.assertEqual(row(done, "limit of open files"), ["20000", "504160", "LACKS"])
        self.assertIn("or start 52 processes instead of 2", done.stdout)
        self.assertEqual(row(done, "fs.file-max"), ["1000000", "1016512", "LACKS"])
        self.assertEqual(row(done, "memory"), ["4.1", "GB", "5.2", "GB", "LACKS"])

    def test_pages_of_another_size(self) -> None:
        with Host(SYSCTLS) as host:
            done = host.run("--page-size", "65536")
        self.assertEqual(row(done, "net.ipv4.tcp_mem")[-1], "ok")

    def test_a_client_wants_ports(self) -> None:
        with Host(SYSCTLS) as host:
            done = host.run("--client", "--streams", "200000")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            row(done, "net.ipv4.ip_local_port_range"), ["32768", "60999", "1024", "65535", "LACKS"]
        )
        self.assertEqual(row(done, "source addresses")[0], "4")
        self.assertNotIn("somaxconn", done.stdout)

    def test_absent_is_no_lack(self) -> None:
        without = dict(SYSCTLS)
        del without["net.ipv4.tcp_migrate_req"]
        with Host(without) as host:
            done = host.run("--streams", "1000")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(row(done, "net.ipv4.tcp_migrate_req")[-1], "absent")
        self.assertNotIn("conntrack", done.stdout)

    def test_connection_tracking_counts_where_it_is_loaded(self) -> None:
        with Host(SYSCTLS | {"net.netfilter.nf_conntrack_max": "1000"}) as host:
            done = host.run("--streams", "1000")
        self.assertEqual(row(done, "net.netfilter.nf_conntrack_max"), ["1000", "1063", "LACKS"])

    def test_packets_of_many_streams_have_to_fit_into_the_backlog(self) -> None:
        with Host(SYSCTLS) as host:
            few, many = host.run("--streams", "1000"), host.run("--streams", "1000000")
        self.assertEqual(row(few, "net.core.netdev_max_backlog")[-1], "ok")
        self.assertEqual(row(many, "net.core.netdev_max_backlog"), ["1000", "10000", "LACKS"])

    def test_apply_sets_what_lacks_and_lowers_nothing(self) -> None:
        lacking = SYSCTLS | {
            "net.ipv4.tcp_migrate_req": "0",
            "net.core.somaxconn": "128",
            "net.ipv4.tcp_mem": "10 20 9000000",
        }
        with Host(lacking) as host:
            done = host.run("--streams", "1000", "--apply")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(host.sysctl("net.ipv4.tcp_migrate_req"), ["1"])
            self.assertEqual(host.sysctl("net.core.somaxconn"), ["4096"])
            self.assertEqual(host.sysctl("net.ipv4.tcp_mem"), ["750", "1000", "9000000"])
            self.assertEqual(host.sysctl("fs.nr_open"), ["1048576"])
            self.assertIn("(was 128)", done.stdout)

    def test_without_apply_nothing_is_set(self) -> None:
        with Host(SYSCTLS | {"net.core.somaxconn": "128"}) as host:
            self.assertEqual(host.run("--streams", "1000").returncode, 1)
            self.assertEqual(host.sysctl("net.core.somaxconn"), ["128"])

    def test_what_cannot_be_set_is_told_with_its_reason(self) -> None:
        with Host(SYSCTLS | {"net.core.somaxconn": "128"}, open_files=100) as host:
            host.forbid("net.core.somaxconn")
            done = host.run("--streams", "1000", "--apply")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"not set: net\.core\.somaxconn = 4096: .+")
        self.assertRegex(done.stdout, r"not set: limit of open files: .+LimitNOFILE")

    def test_wrong_options(self) -> None:
        with Host(SYSCTLS) as host:
            self.assertEqual(host.run("--streams", "0").returncode, 2)


if __name__ == "__main__":
    unittest.main()
