"""What the operator asked of the API server, as the server's audit log has it."""
import json

OPERATOR = "system:serviceaccount:entityservice-system:entityservice-operator"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


class Audit:
    def __init__(self, path):
        self.path = path

    def mark(self):
        """A position in the log: what comes later is read by `since`."""
        with open(self.path, "rb") as log:
            return log.seek(0, 2)

    def since(self, mark, user=OPERATOR):
        with open(self.path, "rb") as log:
            log.seek(mark)
            lines = log.read().decode().splitlines()
        events = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the last line may be in the making
            if user in (None, event["user"].get("username")) and event["stage"] != "RequestReceived":
                events.append(event)
        return events

    def requests(self, mark, namespace=None, user=OPERATOR):
        """The operator's finished requests, its lease left out."""
        return [e for e in self.since(mark, user)
                if e["stage"] == "ResponseComplete" and e.get("objectRef", {}).get("resource") != "leases"
                and (namespace is None or e.get("objectRef", {}).get("namespace") == namespace)]

    def writes(self, mark, namespace=None, user=OPERATOR):
        return [e for e in self.requests(mark, namespace, user) if e["verb"] in WRITES]


def describe(event):
    ref = event.get("objectRef", {})
    name = "/".join(filter(None, [ref.get("resource"), ref.get("name"), ref.get("subresource")]))
    return f"{event['verb']} {name} → {event.get('responseStatus', {}).get('code')}"
