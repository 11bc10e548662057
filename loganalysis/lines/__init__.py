"""Reads pages of lines: by number, by time, or by their text, also through members of archives."""
