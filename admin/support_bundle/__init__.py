"""The support bundle: what helps others to find a fault, without secrets and data of jobs."""
