"""The chaos suite on this machine, with a store of its own."""
