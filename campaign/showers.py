"""What the configuration knows of the shower programs; how to run them is in `showers`."""

from dataclasses import dataclass

__all__ = ["ShowerTraits", "shower_traits"]


@dataclass(frozen=True, slots=True)
class ShowerTraits:
    """What differs between shower programs before any of them runs.

    Attributes
    ----------
    options : str
        Key of an augmentation under which its options stand.
    title : str
        What it is called in messages; its name in the configuration if empty.
    only_protons : bool
        Whether it is set up for beams of protons alone.
    """

    options: str
    title: str = ""
    only_protons: bool = False


_TRAITS = {
    "pythia8": ShowerTraits("settings", "Pythia"),
    "herwig7": ShowerTraits("herwig", "Herwig", only_protons=True),
}
_OF_ANOTHER_PACKAGE = ShowerTraits("options")


def shower_traits(shower: str) -> ShowerTraits:
    """Traits of a shower program, by the name that the configuration uses."""
    return _TRAITS.get(shower, _OF_ANOTHER_PACKAGE)
