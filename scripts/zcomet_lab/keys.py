"""Keys between the programs of a cluster, made with zcomet-ctl."""

import pathlib

from zcomet_lab.ctl import Ctl
from zcomet_lab.programs import ProgramError


class Keys:
    """A directory of keys for a broker, and a file for each peer, made for one run."""

    def __init__(self, ctl: str, folder: pathlib.Path) -> None:
        self.directory = folder / "keys"
        self._ctl, self._folder = ctl, folder
        self._run("init", self.directory)

    def new(self, name: str, roles: str) -> pathlib.Path:
        """Makes a key with these roles; returns its file."""
        file = self._folder / f"{name}.key"
        self._run("new", name, "--keys", self.directory, "--role", roles, "--out", file)
        return file

    def _run(self, *arguments: str | pathlib.Path) -> None:
        done = Ctl(self._ctl).run("keys", *arguments)
        if done.returncode != 0:
            raise ProgramError(done.stderr.strip())
