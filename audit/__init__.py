"""A finished campaign: is it right, what did it cost, make this row again."""
