"""One module for each resource of the API: its handlers, its documents and its queries.

`description.py` lists all handlers, and `examples/` has an example of each document. What services
use of documents, too, is in `server.documents`.

May import `server` but not `app` and `routes`, and `storage`. Rules about jobs belong in
`server.jobs` or `storage`.
"""
