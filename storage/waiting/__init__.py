"""Jobs that wait for something else than their time and a free slot, and what ends their wait.

submission ──hold──▶ held job ◀──release── reaction ◀── outbox `ended` ◀── end of a watched job
"""
