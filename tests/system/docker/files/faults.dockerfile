# The image of the fault checks: the real one with a test job type. The file is copied rather than
# mounted, since it may be in a clone that only its owner can read.

FROM job-service:latest
COPY --chmod=444 exclusive.py /app/
