"""The query of a request, read by the model of what it may be asked for by."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from tornado.web import RequestHandler

from server.documents.submission import field_errors
from server.http.problems import FieldError, unacceptable

M = TypeVar("M", bound=BaseModel)


def given_in(handler: RequestHandler) -> dict[str, str]:
    """The parameters of a request; of one that is given many times, the last."""
    return {name: handler.get_query_argument(name) for name in handler.request.query_arguments}


def read_query(model: type[M], given: object) -> M:
    """What was asked for. Raises Problem 422, which names the parameters."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # A parameter has no parts, though its value is read as a list.
        errors = field_errors(error)
        whole = [FieldError(each.field.partition(".")[0], each.detail) for each in errors]
        raise unacceptable(whole) from None
