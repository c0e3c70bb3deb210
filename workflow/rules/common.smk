ALL_EVENTS = sum(process.events for process in CAMPAIGN.processes.values())


def chunk_events(wildcards):
    """Event indices of a chunk."""
    return CAMPAIGN.chunks(wildcards.process)[int(wildcards.chunk)]


def chunk_range(wildcards):
    """Event indices of a chunk as text, so that a job is repeated when they change."""
    events = chunk_events(wildcards)
    return f"{events.start}-{events.stop}"


def chunk_size(wildcards):
    """Number of events of a chunk."""
    return len(chunk_events(wildcards))
