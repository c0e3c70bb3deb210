"""What all typed models have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PluginOptions", "Strict"]


class Strict(BaseModel):
    """Base of all models: unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


PluginOptions = Annotated[dict[str, Any], Field(exclude_if=lambda options: not options)]
"""What a part of another package is told; left out of what is stored where nothing is."""
