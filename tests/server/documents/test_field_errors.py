"""Errors of fields from a model's errors."""

import pytest
from pydantic import ValidationError

from server.documents.field_errors import field_errors
from server.documents.submission import Submission
from server.http.problems import MAX_ERRORS


def test_no_more_errors_are_made_than_a_response_has() -> None:
    document = {f"field{number}": number for number in range(MAX_ERRORS + 50)}
    with pytest.raises(ValidationError) as found:
        Submission.model_validate(document)
    assert len(list(field_errors(found.value, document, Submission))) == MAX_ERRORS
