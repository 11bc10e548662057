"""The fast path: answers the most frequent requests without Tornado's parser and handlers.

Imports server.jobs for the work itself, and auth, documents and http; never the handlers.
"""
