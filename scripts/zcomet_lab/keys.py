"""A directory of keys that is made for one run."""

import pathlib
import re

from zcomet_lab.ctl import Ctl
from zcomet_lab.programs import ProgramError


class Keys:
    """A broker's directory of keys, and the key files that were made with it."""

    def __init__(self, ctl: str, folder: pathlib.Path, name: str = "keys") -> None:
        """`ctl` is the program zcomet-ctl. Both the directory and the files go to `folder`."""
        self.directory = folder / name
        self._ctl, self._folder = ctl, folder
        self._run("init", self.directory)

    def new(self, name: str, roles: str, ids: str = "") -> pathlib.Path:
        """Makes a key with these roles, that may send to `ids`; returns its file."""
        file = self._folder / f"{name}.key"
        may_send = ["--ids", ids] if ids else []
        self._run("new", name, "--keys", self.directory, "--role", roles, "--out", file, *may_send)
        return file

    def revoke(self, name: str) -> None:
        self._run("revoke", name, "--keys", self.directory)

    def _run(self, *arguments: str | pathlib.Path) -> None:
        done = Ctl(self._ctl).run("keys", *arguments)
        if done.returncode != 0:
            raise ProgramError(done.stderr.strip())


def values_of(key_file: pathlib.Path) -> dict[str, bytes]:
    """The keys in a key file: `public`, `secret`, and `broker`, the public key of the broker."""
    own, _, broker = key_file.read_text().partition("[[broker]]")
    found = {name: value.encode() for name, value in re.findall(r'(public|secret) = "(.*)"', own)}
    return found | {"broker": re.findall(r'public = "(.*)"', broker)[0].encode()}


def claim_broker(key_file: pathlib.Path, other: pathlib.Path) -> None:
    """Makes a key of another directory go to the broker of `other`, which does not know it."""
    theirs, ours = (values_of(file)["broker"].decode() for file in (key_file, other))
    key_file.write_text(key_file.read_text().replace(theirs, ours))
