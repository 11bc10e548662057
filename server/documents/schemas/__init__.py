"""The JSON documents of the API as types, one module for each subject.

mypy checks the functions that build the documents against these types, and /openapi.json is
generated from them: the docstrings of a class and of its fields become descriptions. Times are RFC
3339 in UTC, durations are in seconds. Imports only the enumerations of codes, statuses and
outcomes.
"""
