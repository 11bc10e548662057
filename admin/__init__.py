"""The tools of operators: the commands of `python -m storage`, doctor, backups, transfers, bundles.

Stands above the programs: it may import all of them, and none of them imports it.
"""
