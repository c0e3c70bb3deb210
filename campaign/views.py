"""Names of views that are simulated while a network trains: realizations that need not be stored."""

import re

__all__ = ["augmentation_of_view", "view_name"]

_VIEW = re.compile(r"(?P<augmentation>[A-Za-z]\w*)_s\d+e\d+v\d+")


def view_name(augmentation: str, seed: int, epoch: int, view: int) -> str:
    """Name of the realization that a view is, such as ``fsrRenHi_s7e0v1``.

    Its random stream follows from this name by the seed contract, as that of any realization does.

    Parameters
    ----------
    augmentation : str
    seed, epoch, view : int
        From 0; the training's seed, its epoch, and the number of the view within it.
    """
    return f"{augmentation}_s{seed}e{epoch}v{view}"


def augmentation_of_view(realization: str) -> str | None:
    """The augmentation whose view a realization is, or None if its name is not that of a view."""
    found = _VIEW.fullmatch(realization)
    return found and found["augmentation"]
