"""The codec of the protocol that the tests have, for programs that are not tests."""

import sys

from zcomet_lab import ROOT

sys.path.append(str(ROOT / "test" / "protocol"))

import curve  # noqa: E402
import wire  # noqa: E402
import zmtp  # noqa: E402

__all__ = ["curve", "wire", "zmtp"]
