"""Addresses for foreign servers, which cannot choose a free port themselves."""

import os
import socket


def own_address() -> str:
    """A loopback address that only this process uses, so that its ports stay free."""
    pid = os.getpid()
    return f"127.{192 + (pid >> 16 & 63)}.{pid >> 8 & 255}.{pid & 255}"


def free_ports(host: str, count: int) -> list[int]:
    sockets = [socket.create_server((host, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
