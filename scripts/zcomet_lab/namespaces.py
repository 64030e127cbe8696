"""Network namespaces as hosts: each with its own loopback and one link to a common switch.

Everything is made inside a network and a mount namespace that `enter_private_namespaces` puts this
process into, so nothing of it is seen by the machine's own network, two runs never meet, and the
kernel takes it all away when the last process has ended, even if that was killed.
"""

import ipaddress
import os
import subprocess
import sys

SWITCH = "switch"
# Where iproute2 keeps the names of namespaces.
NAMES = "/run/netns"
INSIDE = "ZCOMET_INSIDE_NAMESPACES"


class NotPermitted(Exception):
    """Namespaces cannot be made here; the text says what failed."""


def enter_private_namespaces():
    """Starts this program anew inside namespaces of its own, unless it is there already."""
    if os.environ.get(INSIDE):
        _try("mount", "-t", "tmpfs", "tmpfs", NAMES)
        return
    if os.geteuid() != 0:
        raise NotPermitted("only root may make network namespaces")
    unshare = ["unshare", "--mount", "--net"]
    _try(*unshare, "true")
    os.makedirs(NAMES, exist_ok=True)
    os.environ[INSIDE] = "1"
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.orig_argv[1:]])


def _run(*command, error=OSError):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise error(f"{' '.join(command)}: {done.stderr.strip()}")


def _try(*command):
    """Runs a command whose failure means that this machine does not permit namespaces."""
    _run(*command, error=NotPermitted)


class Network:
    """The switch, and the hosts plugged into it."""

    def __init__(self, addresses):
        """`addresses` maps the names of hosts to their IP addresses, which share one network."""
        self._prefix_length = _common_network(addresses.values()).prefixlen
        _try("ip", "link", "add", SWITCH, "type", "bridge")
        _run("ip", "link", "set", SWITCH, "up")
        for index, (name, address) in enumerate(addresses.items()):
            self._add_host(index, name, address)

    def _add_host(self, index, name, address):
        port = f"port{index}"
        _try("ip", "netns", "add", name)
        _try("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", port, "master", SWITCH, "up")
        # Without "nodad" an IPv6 address could not be used for a second or two.
        nodad = ["nodad"] if ipaddress.ip_address(address).version == 6 else []
        _run(
            "ip",
            "-n",
            name,
            "address",
            "add",
            f"{address}/{self._prefix_length}",
            "dev",
            "eth0",
            *nodad,
        )
        _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "-n", name, "link", "set", "eth0", "up")


def on_host(name):
    """What to put before a command to run it on a host."""
    return ["ip", "netns", "exec", name]


def from_outside(name):
    """The same, for someone at another terminal of this machine."""
    return ["nsenter", "-t", str(os.getpid()), "-m", "-n", *on_host(name)]


def free_address(addresses):
    """An address of the hosts' network that none of them has."""
    taken = {ipaddress.ip_address(address) for address in addresses}
    return str(next(host for host in _common_network(addresses).hosts() if host not in taken))


def _common_network(addresses):
    """The smallest network, of 256 addresses or more, that holds them all."""
    addresses = [ipaddress.ip_address(address) for address in addresses]
    network = ipaddress.ip_network((addresses[0], addresses[0].max_prefixlen - 8), strict=False)
    while not all(address in network for address in addresses):
        network = network.supernet()
    return network
