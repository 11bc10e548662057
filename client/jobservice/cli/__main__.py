"""Runs the command as `python -m jobservice.cli`."""

from jobservice.cli.start import main

main()
