"""The base of all Tornado handlers, and the handlers of pages. `server.api` has the API's handlers.

May import `storage` and the other folders of `server`, but not `start` and `http.fast_path`.
"""
