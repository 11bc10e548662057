"""Files before and after their jobs: resumable uploads, and stored files by their hash."""
