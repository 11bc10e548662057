"""A labelled corpus of logs, made by generators: each line has the number of its template.

`corpus.py` makes the logs of about 110 formats, `headers.py` the text before a message, `values.py`
the variable parts. `system.py`, `web.py`, `data.py`, `platform.py`, `software.py`,
`services.py` and `tools.py` list formats.
"""
