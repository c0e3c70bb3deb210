"""Pages of the site that stand outside of docs/, under the paths they have in the repository."""

import json
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = (
    "CHANGELOG.md",
    "config/README.md",
    "config/config.yaml",
    "config/rs3l.yaml",
    "config/schema.json",
    "examples/demo.ipynb",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the files they link to; a notebook also as a page of its own."""
    for path in OUTSIDE:
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
        if path.endswith(".ipynb"):
            text = read_notebook((ROOT / path).read_text(encoding="utf-8"))
            files.append(File.generated(config, path.replace(".ipynb", ".md"), content=text))
    return files


def read_notebook(text: str) -> str:
    """The cells of a notebook as Markdown."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(
        source if kind == "markdown" else f"```python\n{source}\n```" for kind, source in cells
    )
