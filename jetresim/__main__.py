"""``python -m jetresim`` is the `jetresim` command."""

from jetresim.workflow.cli import app

app(prog_name="jetresim")
