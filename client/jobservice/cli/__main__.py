"""Runs the command as `python -m jobservice.cli`."""

from jobservice.cli.main import main

main()
