"""The caller: its session and stream tokens, and the sign-in of people."""
