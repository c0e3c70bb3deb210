"""What the pages are put together from: sections, pictures within the page, and the templates."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from jetresim.report import figures
from jetresim.report.made import Table

__all__ = ["Plot", "Section", "environment", "notation", "plot"]


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of the page: its picture, what a screen reader says, and a caption.

    The picture is the address of an image, or an SVG that is a part of the page, so that parts of it can be
    switched off.
    """

    source: Markup
    svg: Markup | None
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
    size = rendered.width, rendered.height
    if rendered.mime == "image/svg+xml" and f'id="{figures.SWITCHED}'.encode() in rendered.content:
        return Plot(Markup(), _part_of_page(rendered.content.decode(), *size, alt), *size, alt, caption)
    encoded = base64.b64encode(rendered.content).decode()
    return Plot(Markup(f"data:{rendered.mime};base64,{encoded}"), None, *size, alt, caption)


def _part_of_page(svg: str, width: int, height: int, alt: str) -> Markup:
    """An SVG with classes ``r0``, ``r1``, … for what shows realizations, and ids that no other one has."""
    own = hashlib.sha256((alt + svg).encode()).hexdigest()[:8]
    referred = set(re.findall(r"""(?:url\(|href=")#([^)"]+)""", svg))

    def renamed(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith(figures.SWITCHED):
            shown = name.removeprefix(figures.SWITCHED).split("-")
            return f' class="{" ".join(f"r{index}" for index in shown)}"'
        return f' id="{own}-{name}"' if name in referred else ""

    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' id="([^"]+)"', renamed, svg)
    svg = re.sub(r"""(url\(|href=")#""", rf"\g<1>#{own}-", svg)
    box = re.search(r'viewBox="[^"]+"', svg)[0]
    opening = f'<svg role="img" aria-label="{escape(alt)}" width="{width}" height="{height}" {box}>'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1).strip())


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
