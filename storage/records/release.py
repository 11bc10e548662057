"""The release of the programs, which `--version`, `/healthz` and the logs show.

`pyproject.toml`, the client and the newest section of `CHANGELOG.md` have the same number.
"""

RELEASE = "0.2.0"
