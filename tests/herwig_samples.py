"""What a real Herwig 7.3 made of some Les Houches events, and the program that plays it back."""

import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data" / "herwig7"
STAND_IN = Path(__file__).parent / "stand_in_herwig.py"
ENERGY = 13000.0
SEED = 20240703

needs_herwig = pytest.mark.skipif(
    shutil.which("Herwig") is None, reason="Herwig 7 is not on the PATH; docs/herwig.md says how to get it"
)
