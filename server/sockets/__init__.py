"""The sockets on which the listener listens: its own, those of systemd, and a port that two share.

It imports the settings of the listener and what storage shares with them, and nothing of HTTP.
"""
