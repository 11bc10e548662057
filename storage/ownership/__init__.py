"""Which stored files belong to a store, by its id and by its rows."""
