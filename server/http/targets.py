"""Request targets with a host, such as GET http://host/jobs (RFC 9112, 3.2.2). Imports nothing of
ours."""

import re

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine

_HOST = r"(?:[A-Za-z0-9.~_!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
_ABSOLUTE = re.compile(rf"https?://({_HOST})(/[^#]*)?(\?[^#]*)?", re.IGNORECASE)
_ONE_HOST = re.compile(_HOST)


def use_origin_form(line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return the line with only a path; the host of its target replaces that in the headers.

    Raises HTTPInputError for a target that is neither a path nor a URL. A missing or invalid Host
    header stays as it is, so that it is refused as in every other request.
    """
    if line.path.startswith("/") or line.path == "*" or line.method == "CONNECT":
        return line
    match = _ABSOLUTE.fullmatch(line.path)
    if match is None:
        raise HTTPInputError("the target is neither a path nor a URL")
    hosts = headers.get_list("Host")
    needs_host = line.version == "HTTP/1.0" and not hosts
    if needs_host or (len(hosts) == 1 and _ONE_HOST.fullmatch(hosts[0])):
        headers["Host"] = match[1]
    return line._replace(path=(match[2] or "/") + (match[3] or ""))
