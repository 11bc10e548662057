"""The start of the listener: `app.py` creates all objects, and `routes.py` the routes.

`listener.py` opens the store and the sockets, and stops on a signal; `with_worker.py` starts both
programs.

May import all of `server`; only `server.__main__` imports it.
"""
