"""What `jetresim inspect` prints."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jetresim.audit.inspect.files import Inspection

__all__ = ["show_inspection"]

_LONGEST = 60
"""Characters of a value in the table of the first rows."""

_FEW = 4
"""Elements of lists and fields of structs that are written out there."""


def show_inspection(found: Inspection) -> None:
    """Print tables of facts, columns and first rows."""
    console = Console(highlight=False)
    console.print(f"{found.path}: {found.kind}", markup=False)
    facts = Table(show_header=False)
    for name, value in _flat(found.facts):
        facts.add_row(escape(name), escape(value))
    console.print(facts)
    if found.columns:
        columns = Table("column", "type", "meaning")
        for row in found.columns:
            columns.add_row(*map(escape, row))
        console.print(columns)
    for number, row in enumerate(found.rows):
        shown = Table(title=f"row {number}", title_justify="left", show_header=False)
        for name, value in row.items():
            shown.add_row(escape(name), escape(_short(value)))
        console.print(shown)


def _flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Facts one a line; the innermost numbers stand side by side, zeros left out."""
    for key, value in content.items():
        name = f"{prefix} {key}".strip()
        if not isinstance(value, dict):
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        elif any(isinstance(each, dict) for each in value.values()):
            yield from _flat(value, name)
        else:
            yield name, ", ".join(f"{inner} {each}" for inner, each in value.items() if each != 0)


def _short(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        inner = ", ".join(f"{key} {_short(each)}" for key, each in list(value.items())[:_FEW])
        return _cut(inner + (", …" if len(value) > _FEW else ""))
    if isinstance(value, list):
        inner = "; ".join(map(_short, value[:_FEW]))
        more = f"; … {len(value)} in all" if len(value) > _FEW else ""
        return f"{_cut(inner)}{more}" if value else "empty"
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
