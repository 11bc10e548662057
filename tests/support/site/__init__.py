"""The site: docs/ and the reference of the API, built by Zensical from docs/site/zensical.toml.

Makefile ─▶ __main__.py ─▶ pages.py, reference.py ─▶ .cache/site/source ─▶ Zensical
"""
