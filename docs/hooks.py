"""Pages of the site that stand outside of docs/, under the paths they have in the repository."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = ("CHANGELOG.md", "config/README.md", "config/config.yaml", "config/rs3l.yaml", "config/schema.json")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the files they link to."""
    for path in OUTSIDE:
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files
