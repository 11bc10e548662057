"""The option of both programs that takes over the stored files of a lost store."""

import argparse

from storage.settings.settings import Settings


def add_adopt_option(parser: argparse.ArgumentParser) -> None:
    """Add the option to the parser of a program."""
    parser.add_argument(
        "--adopt-uploads",
        action="store_true",
        help="once, after a database was lost: take over the stored files of its store, which no "
        "other service uses; no sweep deletes them",
    )


def adopt_if_asked(is_asked: bool, settings: Settings) -> None:
    """Take the stored files over, if the option is given, before the program starts.

    Exits with a message if it cannot.
    """
    if not is_asked:
        return
    from storage.records.job import StoreError
    from storage.settings.drivers import without_psycopg
    from storage.settings.url import is_postgresql
    from storage.telemetry.logs import exit_with, set_up_logs

    set_up_logs(settings.log_level, settings.log_format, settings.program)
    with without_psycopg(is_postgresql(settings.store_url)):
        from storage.open import adopt_uploads

        try:
            adopt_uploads(settings)
        except StoreError as error:
            exit_with(f"cannot start: {error}")
