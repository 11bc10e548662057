"""The release of the programs, which `--version`, `/healthz` and the logs show.

A build of the wheel reads it here. The client, the log analysis and the newest section of
`CHANGELOG.md` have the same number.
"""

RELEASE = "1.0.0"
