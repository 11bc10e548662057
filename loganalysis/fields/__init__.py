"""Values of fields in lines: how they are found, and what is counted of them.

Knows patterns and the kernel, but neither scans nor formats.
"""
