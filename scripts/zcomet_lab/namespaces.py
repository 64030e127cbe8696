"""Network namespaces as hosts: each has its own loopback and one link to a common switch.

Everything is made inside a network namespace and a mount namespace that enter_private_namespaces()
puts this process into. So the machine's own network is not touched, two runs never meet, and the
kernel removes it all when the last process has ended, even if that was killed.
"""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

from zcomet_lab.skipping import skip

SWITCH = "switch"
NAMES = "/run/netns"
"""Where iproute2 keeps the names of namespaces."""
INSIDE = "ZCOMET_INSIDE_NAMESPACES"
"""Set in the environment of a process that is inside."""

AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class NotPermitted(Exception):
    """Namespaces cannot be made here; the text says what failed."""


def enter_private_namespaces() -> None:
    """Starts this program again inside namespaces of its own, unless it is in them already.

    Raises NotPermitted where that is not possible.
    """
    if os.environ.get(INSIDE):
        _try("mount", "-t", "tmpfs", "tmpfs", NAMES)
        return
    if os.geteuid() != 0:
        raise NotPermitted("only root may make network namespaces")
    unshare = ["unshare", "--mount", "--net"]
    _try(*unshare, "true")
    os.makedirs(NAMES, exist_ok=True)
    os.environ[INSIDE] = "1"
    # As it was called: sys.argv does not show that a module was run with -m.
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.orig_argv[1:]])


def run_on_own_loopback(check: Callable[[], None], done: str) -> int:
    """Runs a test that wants the machine's loopback, its ports and its files to itself.

    Prints `done` after the check. Returns the exit status to end with.
    """
    try:
        enter_private_namespaces()
    except NotPermitted as error:
        return skip(f"network namespaces are not permitted here ({error})")
    _run("ip", "link", "set", "lo", "up")
    check()
    print(done)
    return 0


def _run(*command: str, error: type[Exception] = OSError) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise error(f"{' '.join(command)}: {done.stderr.strip()}")


def _try(*command: str) -> None:
    """Runs a command that fails if this machine does not permit namespaces."""
    _run(*command, error=NotPermitted)


class Network:
    """The switch, and the hosts that are connected to it."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses` maps the names of hosts to their IP addresses, which share one network."""
        self._prefix_length = common_network(addresses.values()).prefixlen
        _try("ip", "link", "add", SWITCH, "type", "bridge")
        _run("ip", "link", "set", SWITCH, "up")
        for index, (name, address) in enumerate(addresses.items()):
            self._add_host(port_name(index), name, address)

    def _add_host(self, port: str, name: str, address: str) -> None:
        _try("ip", "netns", "add", name)
        _try("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", port, "master", SWITCH, "up")
        # Without "nodad" an IPv6 address could not be used for a second or two.
        nodad = ["nodad"] if ipaddress.ip_address(address).version == 6 else []
        prefixed = f"{address}/{self._prefix_length}"
        _run("ip", "-n", name, "address", "add", prefixed, "dev", "eth0", *nodad)
        _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "-n", name, "link", "set", "eth0", "up")


def port_name(index: int) -> str:
    """The switch's port of the host with this index among the addresses."""
    return f"port{index}"


def on_host(name: str) -> list[str]:
    """What to put before a command to run it on a host."""
    return ["ip", "netns", "exec", name]


def from_outside(name: str) -> list[str]:
    """The same, from another terminal of this machine."""
    return ["nsenter", "-t", str(os.getpid()), "-m", "-n", *on_host(name)]


def free_address(addresses: Iterable[str]) -> str:
    """An address of the hosts' network that none of them has."""
    taken = {ipaddress.ip_address(address) for address in addresses}
    network = common_network(map(str, taken))
    return str(next(host for host in network.hosts() if host not in taken))


def common_network(addresses: Iterable[str]) -> AnyNetwork:
    """The smallest network of at least 256 addresses that contains them all."""
    hosts = [ipaddress.ip_address(address) for address in addresses]
    network = ipaddress.ip_network((hosts[0], hosts[0].max_prefixlen - 8), strict=False)
    while not all(host in network for host in hosts):
        network = network.supernet()
    return network
