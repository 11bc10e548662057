"""The table of all operations of the API, one module for each subject, from which /openapi.json is
generated.
"""
