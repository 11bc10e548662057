"""The worker: claims due jobs and runs them in processes of their own."""
