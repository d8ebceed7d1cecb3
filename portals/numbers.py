"""Whole numbers in what browsers send: ids of rows, places in a list."""

# No row has an id with more; of thousands Python would not even make a number.
MOST_DIGITS = 18


def number_from(text: str | None) -> int | None:
    """Return the number that a text says, or None for anything else, and for more digits than an id has."""
    if not text or len(text) > MOST_DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    return int(text)
