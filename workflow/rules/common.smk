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


# Realizations that are made together with the anchor, and those with a shower of their own.
FAMILY = sorted(CAMPAIGN.anchor_family)
OWN_SHOWER = [name for name in CAMPAIGN.realizations if name not in FAMILY]


def anchor_jets(wildcards):
    """Jets of the anchor, where a realization is made for its survivors only."""
    if not CAMPAIGN.follows_survivors(wildcards.realization):
        return []
    return PATHS.jets.format(process=wildcards.process, realization=NOMINAL, chunk=wildcards.chunk)
