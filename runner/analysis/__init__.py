"""Log analysis: counts patterns in files of any size. Knows nothing of jobs or HTTP."""
