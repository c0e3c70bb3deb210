"""``python -m workflow`` is the `resim` command."""

from workflow.cli import app

app(prog_name="resim")
