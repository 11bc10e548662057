"""Writes /openapi.json with the built-in job types: `python -m tests.web.openapi`."""

import json
import sys

from runner.job_types.registry import loader
from server.start.description import openapi_document

if __name__ == "__main__":
    sys.stdout.write(json.dumps(openapi_document(loader.find(["runner.job_types"]))))
