"""Which runners are alive, the proof that one is dead, and jobs rescheduled after a clock change.
May import `storage.db`, `storage.files`, `storage.jobs` and `storage.records`, but not
`storage.claiming`, which rescues the jobs of dead runners."""
