"""A client of the service's REST API. Every request has a connection of its own."""
import http.client
import json
import socket
import urllib.parse


class Failed(Exception):
    """A request that was not answered with success. `status` is None when nobody answered."""

    def __init__(self, status, reason):
        super().__init__(f"{status}: {reason}" if status else reason)
        self.status = status


class Api:
    """base: an address with the path before `/projects`. Has no state; threads may share it."""

    def __init__(self, base, seconds=60):
        self.base, self.seconds = base.rstrip("/"), seconds
        self._parts = urllib.parse.urlsplit(self.base)

    def request(self, method, path, token=None, document=None, data=None, headers=()):
        """(status, document) of an answer, whatever it is."""
        headers = {"Connection": "close", **dict(headers)}
        if token:
            headers["Authorization"] = token
        if document is not None:
            data = json.dumps(document).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self._parts.hostname, self._parts.port,
                                                timeout=self.seconds)
        try:
            connection.request(method, self._parts.path + path, body=data, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            kind = "TimeoutError" if isinstance(error, socket.timeout) else type(error).__name__
            raise Failed(None, f"{kind}: {error}") from None
        finally:
            connection.close()
        return answer.status, _document(body)

    def succeed(self, method, path, *arguments, **named):
        """The document of a successful answer; raises Failed for any other."""
        status, document = self.request(method, path, *arguments, **named)
        if not 200 <= status < 300:
            raise Failed(status, f"{method} {path}: {document}")
        return document


def _document(body):
    try:
        return json.loads(body) if body else None
    except ValueError:  # nginx's own pages
        return body.decode(errors="replace")
