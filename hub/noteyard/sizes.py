"""Sizes as people write them. Pure."""


def in_words(size: float) -> str:
    """`1.5 GiB` for bytes; three figures, and whole numbers from a hundred on."""
    for unit, bytes in (("TiB", 1024**4), ("GiB", 1024**3), ("MiB", 1024**2)):
        if size >= bytes:
            amount = size / bytes
            return f"{amount:.0f} {unit}" if amount >= 100 else f"{amount:.3g} {unit}"
    return f"{size / 1024:.0f} KiB"
