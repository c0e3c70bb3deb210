"""What `jetresim herwig` prints."""

from pathlib import Path

import typer

from jetresim.campaign.herwig import HerwigOptions
from jetresim.showers.herwig7.installation import examine, lines_to_write
from jetresim.showers.herwig7.pdf_sets import copy_pdf_sets
from jetresim.showers.herwig7.program import pull_image

__all__ = ["show_herwig"]

_MARKS = {True: ("ok", "green"), False: ("error", "red"), None: ("note", "yellow")}


def show_herwig(executable: str, container: str | None, pull: bool, pdf_sets: Path | None) -> bool:
    """Print one line for each finding and the lines of a configuration; whether Herwig works.

    Parameters
    ----------
    executable, container : str
        Where it is, as in a configuration.
    pull : bool
        Fetch the image of the authors first.
    pdf_sets : Path, optional
        Folder of LHAPDF to copy the sets of CH3 to first.

    Raises
    ------
    ShowerError
        The image or the sets cannot be brought.
    """
    if pdf_sets is not None:
        for name in copy_pdf_sets(pdf_sets):
            typer.echo(f"{pdf_sets / name}: written; LHAPDF looks there, or where LHAPDF_DATA_PATH says")
    if pull:
        container = pull_image(Path())
        typer.echo(f"{container}: here")
    options = HerwigOptions(executable=executable, container=container)
    works = True
    for finding in examine(options):
        mark, colour = _MARKS[finding.works]
        typer.echo(f"{typer.style(f'{mark:6}', fg=colour)} {finding.what:12} {finding.text}")
        works &= finding.works is not False
    if works:
        typer.echo("\n".join(["Herwig works; write in the configuration:", *lines_to_write(options)]))
    return works
