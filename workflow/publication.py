"""The commands that hand a dataset out, and fetch one."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from jetresim.campaign.errors import ConfigError
from jetresim.campaign.paths import Paths

__all__ = ["fetch", "publish"]

_SERVICE = "address of the service in place of its own, such as https://sandbox.zenodo.org"


def publish(
    folder: Annotated[
        Path,
        typer.Argument(help="the campaign's folder, results/NAME, or its configuration", show_default=False),
    ],
    to: Annotated[Literal["folder", "zenodo", "huggingface"], typer.Option(help="where to")] = "folder",
    creator: Annotated[
        list[str] | None, typer.Option(help="who made it, 'Family name, Given name'; once or more")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="licence, such as cc-by-4.0; `dataset.license` if left out")
    ] = None,
    repository: Annotated[str | None, typer.Option(help="huggingface: OWNER/NAME")] = None,
    output: Annotated[
        Path | None, typer.Option(help="the folder that is published; publication/ in the campaign's")
    ] = None,
    url: Annotated[str | None, typer.Option(help=_SERVICE)] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would be sent; write and send nothing")
    ] = False,
) -> None:
    """Write dataset and descriptions into a folder and upload it; the token is ZENODO_TOKEN or HF_TOKEN."""
    from jetresim.dataset.publication.described import describe
    from jetresim.dataset.publication.folder import plan, write_folder, zenodo_metadata
    from jetresim.dataset.publication.upload import upload_to_hub, upload_to_zenodo

    if to == "huggingface" and (repository or "").count("/") != 1:
        raise ConfigError("--to huggingface: needs --repository OWNER/NAME")
    described = describe(folder, creator or [], date.today(), license)
    if to != "folder" and described.license == "unknown":
        raise ConfigError(
            "--license: is unknown; expected one, such as cc-by-4.0, here or in `dataset.license`"
        )
    if dry_run:
        typer.echo("\n".join(plan(described, to, repository)))
        return
    target = output or Path(Paths(str(folder)).publication)
    names = write_folder(described, Path(__file__).with_name("as_module.smk"), target)
    page = str(target)
    if to == "zenodo":
        page = upload_to_zenodo(target, names, zenodo_metadata(described), url)
    elif to == "huggingface":
        page = upload_to_hub(target, repository, url)
    typer.echo(f"{page}: {len(names) + 1} files")


def fetch(
    name: Annotated[
        str, typer.Argument(help="zenodo:NUMBER, a DOI of Zenodo, hf:OWNER/NAME or a URL", show_default=False)
    ],
    output: Annotated[Path, typer.Option(help="folder for the dataset")] = Path("dataset"),
    url: Annotated[str | None, typer.Option(help=_SERVICE)] = None,
) -> None:
    """Fetch a published dataset and compare all of it with its manifest; run it again to go on."""
    from jetresim.dataset.publication.fetch import fetch as fetched
    from jetresim.dataset.publication.fetch import located

    total = 0
    for file in fetched(located(name, url), output):
        typer.echo(f"{file.path}: {file.how}")
        total += file.bytes
    typer.echo(f"{output}: complete, {total / 1e6:.1f} MB")
