"""`jetresim`, and `python -m jetresim`: the command line."""

import gc
import sys

__all__ = ["main"]

# Python looks for cycles after every 700 objects by default; imports and arrays make many objects and few
# cycles, and looking for them is 3% of a job of jets.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000

_INTERRUPTED = 130  # what a shell gives for Ctrl-C


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends in one line, too."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from jetresim.workflow.cli import app
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    app(prog_name="jetresim")


if __name__ == "__main__":
    main()
