"""What a real Herwig 7.3 made of some Les Houches events, and the program that plays it back."""

from pathlib import Path

DATA = Path(__file__).parent / "data" / "herwig7"
STAND_IN = Path(__file__).parent / "stand_in_herwig.py"
ENERGY = 13000.0
SEED = 20240703
