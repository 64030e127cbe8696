"""The Python behind the commands of scripts/, and what the tests share with it.

scripts/lib/setup.sh puts the folder above this one into PYTHONPATH, as does test/meson.build.
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
