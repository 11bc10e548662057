"""The program that reads lines of stored files for a listener, in a process of its own."""
