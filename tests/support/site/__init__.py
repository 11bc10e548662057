"""The site: docs/ and the reference of the API, built by Zensical from docs/site/zensical.toml.

pages.py ─▶ .cache/site/source ─▶ Zensical ─▶ .cache/site/pages/RELEASE ─▶ links.py checks it
"""
