"""pyzmq, with types for its sockets. Where it is missing, a test that imports this is skipped."""

import sys

from zcomet_lab.skipping import skip

try:
    import zmq
except ImportError:
    sys.exit(skip("pyzmq (Debian's python3-zmq) is not installed"))

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]

__all__ = ["Context", "Socket", "zmq"]
