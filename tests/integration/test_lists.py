"""How the operator comes to know what there is."""
from support.waiting import until

KINDS = {"entityservices", "pods", "secrets", "deployments", "statefulsets"}


def streams_lists(cluster):
    """As the version is by default: 1.33 has it switched off, from 1.34 on it is on."""
    return int(cluster.version().split(".")[1]) >= 34


def kinds(events):
    return {event["objectRef"]["resource"] for event in events}


def test_lists_are_streamed_where_the_api_server_does_and_come_page_by_page_elsewhere(
        operator, audit, cluster):
    operator.stop()
    mark = audit.mark()
    operator.start()
    requests = audit.since(mark)
    streamed = [e for e in requests
                if e["verb"] == "watch" and "sendInitialEvents=true" in e["requestURI"]]
    listed = [e for e in requests if e["verb"] == "list"]
    assert KINDS <= kinds(streamed), "the API server is asked whether it does"
    if streams_lists(cluster):
        assert not listed, [e["requestURI"] for e in listed]
        return
    assert {e["responseStatus"]["code"] for e in streamed} == {422}
    asked = {e["auditID"] for e in streamed}
    assert len(asked) == len(kinds(streamed)), "once for each kind"
    assert kinds(listed) == kinds(streamed)
    assert all("limit=" in e["requestURI"] for e in listed), [e["requestURI"] for e in listed]

    def watched():
        return [e for e in audit.since(mark)
                if e["verb"] == "watch" and "sendInitialEvents" not in e["requestURI"]]
    # Ready is told when all is listed; the last watch may be opened a moment later.
    until(lambda: kinds(watched()) == kinds(listed), 10, "a watch of each kind that was listed")
    assert all("resourceVersion=" in e["requestURI"] for e in watched())
