"""Pattern sets that every service has.

Each pattern has a line that it matches, and one that it does not. Almost all patterns are texts or
have matches of one length: these need no regex engine.
"""
