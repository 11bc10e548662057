"""Completion in shells, where Typer's own is not enough.

The script for zsh is in a private table of Typer. This was tested with Typer 0.28; below another
release without that table, Typer's own script is installed.
"""

_CALL = """

if [[ $funcstack[1] == _%(prog_name)s ]]; then
  %(complete_func)s "$@"
fi"""
"""The file runs at the first completion. It defines the function, and must also call it."""


def complete_at_the_first_tab() -> None:
    """Change the script for zsh, which otherwise completes nothing at the first Tab of a shell."""
    try:
        from typer._completion_shared import COMPLETION_SCRIPT_ZSH, _completion_scripts
    except ImportError:
        return
    _completion_scripts["zsh"] = COMPLETION_SCRIPT_ZSH.rstrip() + _CALL
