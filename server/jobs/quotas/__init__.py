"""How much each caller may use: `usage.py` counts what it uses, `quotas.py` has the limits."""
