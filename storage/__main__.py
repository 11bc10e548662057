"""The program `python -m storage`: its commands are in the folder `commands`."""

from storage.settings.packages import explained_imports


def main() -> None:
    """Run the command of `sys.argv`, and exit."""
    with explained_imports("storage"):
        from admin.commands.main import main as run

    run()


if __name__ == "__main__":
    main()
