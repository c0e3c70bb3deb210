"""PyTorch, or one line that says how to get it."""

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError("PyTorch is not installed; pip install 'jetresim[torch]'") from None

__all__ = ["torch"]
