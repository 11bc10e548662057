"""The address of a service. Imports nothing of ours."""

from urllib.parse import urlsplit


def base_url(text: str) -> str:
    """Return an address without a slash at its end; one without a scheme gets `http://`.

    Raises ValueError if it is no address of HTTP.
    """
    url = (text if "://" in text else f"http://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # such as a port that is no number
        is_address = False
    if not is_address:
        raise ValueError(f"{text!r} is not an address such as http://localhost:5000")
    return url
