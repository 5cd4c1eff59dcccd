"""How long a history remembers: what decides whether a discriminator forgets.  Taught in: notebook 04."""


def chance_to_survive(rounds, capacity, batch):
    """Chance that an image stored in a full history is still there after some rounds.  In [0, 1].

    Each round of a batch of b overwrites b/2 random different places of `capacity`, so an image survives one round
    with the chance 1 - (b/2)/capacity.  rounds: number or tensor.
    Raises ValueError if the history cannot hold half a batch.
    Paper: section 2.3 (the capacity is not published).

    >>> chance_to_survive(1, capacity=64, batch=32)
    0.75
    """
    half = batch // 2
    if half > capacity:
        raise ValueError(f"a history of {capacity} cannot hold half a batch of {batch}")
    return (1 - half / capacity) ** rounds
