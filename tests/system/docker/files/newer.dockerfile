# A release after this one, for the checks of updates and rollbacks: the same programs, and a
# migration that expands the schema.

FROM job-service:latest
COPY --chmod=444 files/9998_mood.py /app/storage/migrations/
