"""The sockets of the listener: sockets that it opens, sockets that systemd has opened, and a port
that two listeners share.

It imports the settings of the listener and what storage shares with them, and nothing of HTTP.
"""
