"""`/stream-tokens`: short-lived tokens for event streams of browsers."""

import time

from server.auth.callers import Role
from server.auth.sessions import STREAM_TOKEN_SECONDS
from server.documents.jobs import rfc3339
from server.documents.schemas.service import StreamTokenDocument
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem
from server.openapi.operation import Operation


class StreamTokensHandler(Handler):
    """The creation of stream tokens. Nothing is stored for one."""

    ROUTE = "/stream-tokens"
    LIMITED = True

    @Operation(
        "createStreamToken", "events", {200: StreamTokenDocument}, role=Role.READ, problems=(409,)
    )
    def post(self) -> None:
        """Get a token for event streams.

        For `EventSource` of browsers, which sends no token in a header. The token opens streams for
        a minute, with the rights of the caller.
        """
        self.require_body()
        caller, sessions, token = self.caller, self.authenticator.sessions, None
        if sessions is not None and caller.name is not None and caller.method == "token":
            token = sessions.create_stream_token(caller.name)
        if token is None:
            detail = "only a caller with a token of the service gets a stream token"
            raise Problem(Code.STREAM_TOKEN_UNAVAILABLE, detail)
        expires_at = rfc3339(round((time.time() + STREAM_TOKEN_SECONDS) * 1000))
        document: StreamTokenDocument = {"stream_token": token, "expires_at": expires_at}
        self.send_json(document)
