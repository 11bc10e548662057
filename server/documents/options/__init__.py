"""The options of a job, as clients submit and change them, with their bounds."""
