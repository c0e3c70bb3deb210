"""`jetresim`, and `python -m jetresim`: the command line."""

import sys

__all__ = ["main"]

_INTERRUPTED = 130  # what a shell gives for Ctrl-C


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends in one line, too."""
    try:
        from jetresim.workflow.cli import app
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    app(prog_name="jetresim")


if __name__ == "__main__":
    main()
