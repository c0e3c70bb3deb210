"""Uploads of a published folder: Zenodo, and the Hub of Hugging Face."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from jetresim.campaign.errors import DataError
from jetresim.campaign.extras import extras_named
from jetresim.dataset.publication.folder import MANIFEST
from jetresim.dataset.publication.http import send, token

__all__ = ["HUB", "TOKENS", "ZENODO", "flat_name", "upload_to_hub", "upload_to_zenodo"]

ZENODO = "https://zenodo.org"
"""Where deposits are made; ``https://sandbox.zenodo.org`` is for trying."""

HUB = "https://huggingface.co"
"""Where repositories of data sets are."""

TOKENS: Mapping[str, str] = MappingProxyType({"zenodo": "ZENODO_TOKEN", "huggingface": "HF_TOKEN"})
"""Service to the variable of the environment with its access token."""


def flat_name(path: str) -> str:
    """Name of a file on Zenodo, which has no folders."""
    return path.replace("/", "__")


def upload_to_zenodo(
    folder: Path, names: Sequence[str], metadata: Mapping[str, Any], url: str | None = None
) -> str:
    """Make a deposit with all files, not yet published: that is for a person to decide.

    Parameters
    ----------
    folder : Path
    names : sequence of str
        Files, relative to the folder; the manifest goes last, so that a deposit that has it is complete.
    metadata : mapping
        See `dataset.publication.folder.zenodo_metadata`.
    url : str, optional

    Returns
    -------
    str
        The page of the deposit.

    Raises
    ------
    DataError
        There is no token, or the service refuses.
    """
    url = url or ZENODO
    secret = {"Authorization": f"Bearer {token(TOKENS['zenodo'], url)}"}
    deposit = send("POST", f"{url}/api/deposit/depositions", {"metadata": dict(metadata)}, secret)
    try:
        bucket, page = deposit["links"]["bucket"], deposit["links"]["html"]
    except (KeyError, TypeError):
        raise DataError(f"{url}: the answer to a new deposit has no links to its files") from None
    for name in [*names, MANIFEST]:
        send("PUT", f"{bucket}/{quote(flat_name(name))}", folder / name, secret)
    return page


def upload_to_hub(folder: Path, repository: str, url: str | None = None) -> str:
    """Make the folder a data set of the Hub, in one commit.

    Parameters
    ----------
    folder : Path
    repository : str
        ``owner/name``, which is made if it is not there.
    url : str, optional

    Returns
    -------
    str
        Its page.

    Raises
    ------
    DataError
        There is no token, or the service refuses.
    MissingExtraError
        `huggingface_hub` is not installed.
    """
    url = url or HUB
    with extras_named():
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

    hub = HfApi(endpoint=url, token=token(TOKENS["huggingface"], url))
    try:
        hub.create_repo(repository, repo_type="dataset", exist_ok=True)
        hub.upload_folder(repo_id=repository, repo_type="dataset", folder_path=folder)
    except HfHubHTTPError as error:
        raise DataError(f"{url}, {repository}: {str(error).splitlines()[0]}") from None
    return f"{url}/datasets/{repository}"
