"""YAML files that people write: what is wrong with one is said in one line."""

import re
from pathlib import Path
from typing import Any

import yaml

from jetresim.campaign.errors import ConfigError

__all__ = ["read_yaml"]


def read_yaml(path: Path) -> Any:
    """Read a YAML file; a key that is given twice is an error, where YAML's readers keep the last value.

    Raises
    ------
    ConfigError
        The file cannot be read, is not YAML, or holds a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file; expected YAML") from None
    except _TwiceError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise ConfigError(f"{path}: not valid YAML: {reason}") from None


class _TwiceError(Exception):
    """A mapping holds a key twice."""


class _UniqueKeys(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            text, line = key.value, key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and text in lines:
                raise _TwiceError(f"key {text!r} is given twice, in lines {lines[text]} and {line}; keep one")
            if isinstance(key, yaml.ScalarNode):
                lines[text] = line
        return super().construct_mapping(node, deep)
