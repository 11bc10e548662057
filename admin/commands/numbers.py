"""The type of options that count something."""

import argparse


def whole_number(text: str) -> int:
    """Return the number of an option, 1 or more. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it must be a whole number, 1 or more")
    return int(text)
