"""What the pages are put together from: sections, pictures within the page, and the templates."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from jetresim.report import figures
from jetresim.report.made import Table

__all__ = ["Plot", "Section", "environment", "notation", "plot"]


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of the page: its picture, what a screen reader says, and a caption."""

    source: Markup
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    anchor, title : str
    text : sequence of str
        Paragraphs.
    plots, tables : sequence
    notes : sequence of str
        What is not shown, and why.
    """

    anchor: str
    title: str
    text: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


def plot(figure: figures.Figure, svg_limit: int, alt: str, caption: str) -> Plot:
    """Put a figure into the page itself, as an SVG up to so many bytes."""
    rendered = figures.picture(figure, svg_limit)
    encoded = base64.b64encode(rendered.content).decode()
    source = Markup(f"data:{rendered.mime};base64,{encoded}")
    return Plot(source, rendered.width, rendered.height, alt, caption)


def environment() -> Environment:
    """The templates, with `notation` as a filter."""
    made = Environment(
        loader=PackageLoader("jetresim.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["notation"] = notation
    return made


def notation(text: str) -> Markup:
    """Set superscripts written as ``^{…}`` or ``^-5``, and subscripts of m_SD and pT."""
    marked = str(escape(text))
    for plain, html in (
        ("^{β=1}", "<sup>β=1</sup>"),
        ("m_SD", "m<sub>SD</sub>"),
        ("pT", "p<sub>T</sub>"),
        ("τ21", "τ<sub>21</sub>"),
        ("τ32", "τ<sub>32</sub>"),
    ):
        marked = marked.replace(plain, html)
    base, sign, exponent = marked.partition("10^")
    return Markup(f"{base}10<sup>{exponent.replace('-', '−')}</sup>" if sign else marked)
