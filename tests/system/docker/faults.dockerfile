# The image of the fault checks: the real one with a job type of theirs. A copy, not a mount, since
# the file may come from a clone that only its owner reads.

FROM job-service:latest
COPY --chmod=444 exclusive.py /app/
