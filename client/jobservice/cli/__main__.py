"""The start of the command, also as `python -m jobservice.cli`.

It imports late: Ctrl-C ends the command without a traceback also while its modules are being
imported.
"""

import sys


def main() -> None:
    """Run the command of `sys.argv`, and exit."""
    try:
        from jobservice.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)  # exits.INTERRUPTED, which may not be imported yet


if __name__ == "__main__":
    main()
