"""Numbers with their nouns, for texts that people read."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as `1 job` or `2,000 jobs`.

    `plural` is the noun for all numbers but 1; without it, an s is added to `noun`.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
