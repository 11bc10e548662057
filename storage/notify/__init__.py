"""Wake-ups: notices to other programs that a transaction has committed. May import `storage.db` and
`storage.records`, but nothing that knows jobs."""
