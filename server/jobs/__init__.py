"""Jobs as clients use them: submit, read, wait, cancel, retry and delete.

Handlers and the fast path call these classes. May import `storage` and the other folders of
`server`, but not `handlers`, `api` and `http.fast_path`.
"""
