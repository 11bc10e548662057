"""Handlers read the request, ask the store, and write the answer; they hold no rules."""
