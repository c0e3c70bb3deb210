"""The words for what is wrong with a configuration."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from jetresim.campaign.config.chunks import CHUNK_KINDS
from jetresim.campaign.config.fields import HYPHENATED, WORD
from jetresim.campaign.model import Strict

__all__ = ["first_problem", "unknown"]

_MAPPING = "expected a mapping of keys to values"
_EXPECTED = {
    "missing": "is required",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "tuple_type": "expected a list",
    "too_short": "must not be empty",
    "string_type": "expected a text",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "int_from_float": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected a number, a text, on or off",  # the first member of SettingValue
    "bool_parsing": "expected a number, a text, on or off",
}
"""Kinds of pydantic's errors that speak of Python, in the words of YAML."""

_PATTERNS = {
    WORD: "expected letters, digits and _, beginning with a letter",
    HYPHENATED: "expected letters, digits, _ and -, beginning with a letter",
}


def unknown(what: str, value: object, known: Iterable[str]) -> str:
    """One clause for a name that does not exist, with the nearest that does."""
    names = list(known)
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(names)
    return f"unknown {what} {value!r}; {hint}"


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """One clause for what is wrong: the place in the file, what was expected and what was found.

    Parameters
    ----------
    error : ValidationError
    model : type of BaseModel
        What was validated; its keys are suggested.
    """
    problem = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    kind, location, given = problem["type"], problem["loc"], problem["input"]
    if kind == "extra_forbidden":
        return f"{_place(location)}: " + unknown("key", location[-1], _known_keys(model, location[:-1]))
    message = _PATTERNS.get(problem.get("ctx", {}).get("pattern")) or _EXPECTED.get(
        kind, problem["msg"].removeprefix("Value error, ").replace("Input should", "must")
    )
    told = kind in ("missing", "value_error") or isinstance(given, BaseModel | Mapping)
    found = "" if told else f" (found {given!r})"
    return f"{_place(location)}: {message}{found}" if location else message + found


def _place(location: tuple[str | int, ...]) -> str:
    """Where in the file; pydantic ends a location with the member of a union or a mark for keys."""
    parts = location[:-1] if location[-1] in ("bool", "[key]", *CHUNK_KINDS) else location
    return ".".join(str(part) if str(part).isprintable() else repr(part) for part in parts)


def _known_keys(model: Any, location: tuple[str | int, ...]) -> list[str]:
    """Keys of the model at a location within another."""
    parts = iter(location)
    for part in parts:
        annotation = model.model_fields[part].annotation
        if get_origin(annotation) in (dict, tuple):
            next(parts, None)  # the name or index of an element, not a key of the model
        model = _model_within(annotation)
    return list(model.model_fields)


def _model_within(annotation: Any) -> Any:
    """The model that an annotation such as ``dict[str, Process]`` holds, or the annotation itself."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    for argument in reversed(getattr(annotation, "__args__", ())):
        found = _model_within(argument)
        if isinstance(found, type) and issubclass(found, Strict):
            return found
    return annotation
