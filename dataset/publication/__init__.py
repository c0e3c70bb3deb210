"""A finished dataset handed out: descriptions that others read, uploads, and fetching it again."""
