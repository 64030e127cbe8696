"""Draws plots with gnuplot."""

import os
import pathlib
import subprocess

from zcomet_lab.programs import ProgramError


def draw(picture: pathlib.Path, terminal: str, commands: str) -> None:
    """Writes a PNG: `terminal` as gnuplot's `set terminal` takes it, `commands` what to draw.

    Raises ProgramError if gnuplot is not installed or fails.
    """
    # The name goes in by the environment, so that no quote in it ends the command.
    script = f"""
        set terminal {terminal}
        set output system("printf %s \\"$ZCOMET_PICTURE\\"")
        {commands}
    """
    environment = os.environ | {"ZCOMET_PICTURE": str(picture)}
    try:
        done = subprocess.run(
            ["gnuplot"], input=script, env=environment, text=True, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise ProgramError("gnuplot is missing; in Debian it is in gnuplot-nox") from None
    if done.returncode != 0:
        raise ProgramError(f"gnuplot failed\n{done.stderr.strip()}")
