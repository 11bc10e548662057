"""The resources of the API: a module or a folder for each, with handlers, documents and queries.

`examples/` has an example of each document, and `openapi/` makes /openapi.json. The parts of
documents that services also use are in `server.documents`.

May import `server` but not `start` and `http.fast_path`, and `storage`. Rules about jobs belong in
`server.jobs` or `storage`.
"""
