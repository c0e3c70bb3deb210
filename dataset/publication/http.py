"""Requests over HTTP, and errors of one line."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from jetresim.campaign.errors import DataError

__all__ = ["get_json", "opened", "send", "token"]

TIMEOUT = 60.0
"""Seconds without an answer after which a request is given up."""

_SAID = 200  # characters of an answer that an error quotes


def token(variable: str, url: str) -> str:
    """The secret of a service, from the environment and from nowhere else.

    Raises
    ------
    DataError
        The variable is not set.
    """
    if not (value := os.environ.get(variable, "")):
        raise DataError(f"{variable}: is not set; expected the access token of {url} in the environment")
    return value


@contextmanager
def opened(request: Request | str) -> Iterator[http.client.HTTPResponse]:
    """Open a request.

    Raises
    ------
    DataError
        There is no such place, no answer, or a refusal; quotes what the server says.
    """
    url = request if isinstance(request, str) else request.full_url
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:
            yield answer
    except HTTPError as error:
        said = " ".join(error.read().decode(errors="replace").split())[:_SAID]
        raise DataError(f"{url}: {error.code} {error.reason}{': ' if said else ''}{said}") from None
    except (URLError, http.client.HTTPException, ConnectionError, TimeoutError, ValueError) as error:
        raise DataError(f"{url}: {getattr(error, 'reason', error)}") from None


def send(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Send JSON, or a file in whole, and read the JSON of the answer.

    Parameters
    ----------
    method, url : str
    body : Path or JSON content, optional
    headers : mapping of str to str, optional
    """
    headers = dict(headers or {})
    if isinstance(body, Path):
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(body.stat().st_size)}
        with body.open("rb") as file:
            return _answered(method, url, file, headers)
    content = None if body is None else json.dumps(body).encode()
    return _answered(method, url, content, headers | {"Content-Type": "application/json"})


def get_json(url: str) -> dict[str, Any]:
    """Read a JSON document.

    Raises
    ------
    DataError
        See `opened`; or it is none.
    """
    return _answered("GET", url, None, {})


def _answered(
    method: str, url: str, data: bytes | IO[bytes] | None, headers: Mapping[str, str]
) -> dict[str, Any]:
    with opened(Request(url, data, dict(headers), method=method)) as answer:
        content = answer.read()
    try:
        return json.loads(content) if content else {}
    except ValueError:
        raise DataError(f"{url}: the answer is no JSON") from None
