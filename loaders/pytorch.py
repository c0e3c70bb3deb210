"""PyTorch, or one line that says how to get it."""

from jetresim.campaign.extras import extras_named

with extras_named():
    import torch

__all__ = ["torch"]
