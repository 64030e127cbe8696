"""scripts/lib/setup.sh: packages that bring services are installed, and no service starts.

Method: the functions of the script with another policy-rc.d, and with an apt, a dpkg and a
systemctl that only say what they are asked for. Nothing is installed.
"""

import pathlib
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).parents[2] / "scripts" / "lib" / "setup.sh"
TIMEOUT_S = 30

SCRIPT = """
. "$1"
service_policy=$2
as_root() { "$@"; }
missing_packages() { [ -z "$MISSING" ] || printf '%s\\n' "$MISSING"; }
install_packages() {
    local status=0
    "$service_policy" nginx start || status=$?
    echo "install $*, policy $status"
    "$INSTALLS" || fail "no such package"
}
dpkg-query() {
    printf '%s\\n' "$UNIT" /usr/lib/systemd/system/x@.service /bin/x
}
systemctl() { echo "systemctl $*" >&3; }
install_without_services nginx caddy 3>&1
echo done
"""


class ServicesStayStopped(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.policy = pathlib.Path(folder.name) / "policy-rc.d"

    def install(
        self,
        missing: str = "nginx",
        installs: bool = True,
        unit: str = "/lib/systemd/system/nginx.service",
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", SCRIPT, "bash", str(SETUP), str(self.policy)],
            env={
                "PATH": "/usr/bin:/bin",
                "MISSING": missing,
                "INSTALLS": "true" if installs else "false",
                "UNIT": unit,
            },
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def write_policy(self, status: int) -> None:
        self.policy.write_text(f"#!/bin/sh\nexit {status}\n")
        self.policy.chmod(0o755)

    def test_a_host_without_a_policy_has_one_for_that_time(self) -> None:
        done = self.install()
        wanted = ["install nginx, policy 101", "systemctl disable nginx.service", "done"]
        self.assertEqual(done.stdout.splitlines(), wanted, done.stderr)
        self.assertFalse(self.policy.exists())

    def test_packages_without_a_service_are_installed_as_well(self) -> None:
        done = self.install(unit="/usr/lib/nginx/modules/module.so")
        self.assertEqual(done.stdout.splitlines(), ["install nginx, policy 101", "done"])

    def test_a_failure_leaves_no_policy_behind(self) -> None:
        done = self.install(installs=False)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("done", done.stdout)
        self.assertFalse(self.policy.exists())

    def test_a_host_that_lets_nothing_start_keeps_its_policy(self) -> None:
        self.write_policy(101)
        done = self.install()
        self.assertIn("install nginx, policy 101", done.stdout, done.stderr)
        self.assertTrue(self.policy.exists())

    def test_a_host_whose_policy_lets_services_start_is_left_alone(self) -> None:
        self.write_policy(0)
        done = self.install()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("lets services start", done.stderr)
        self.assertTrue(self.policy.exists())

    def test_what_is_installed_already_stays_as_it_is(self) -> None:
        done = self.install(missing="")
        self.assertEqual(done.stdout.splitlines(), ["done"], done.stderr)


if __name__ == "__main__":
    unittest.main()
