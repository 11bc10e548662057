"""The description of the API as a whole: its handlers, and the examples of their documents.

May import `server` but not `app` and `routes`, and `storage`. Rules about jobs belong in
`server.jobs` or `storage`.
"""
