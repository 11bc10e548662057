"""An index of a stored file: where lines, times and members are, so that readers need not scan."""
