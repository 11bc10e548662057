"""What operators use: the commands of `python -m storage`, the doctor, backups, transfers, bundles.

Stands above the programs: it may import all of them, and none of them imports it.
"""
