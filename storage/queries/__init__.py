"""Queries over many jobs for the API and the metrics: search, bulk changes, explanations, stats,
history and health. May import the claim order from `storage.claiming`, and the folders below that;
nothing in `storage` but the store itself imports this folder."""
