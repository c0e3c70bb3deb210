"""Whether every file of a campaign is right."""
