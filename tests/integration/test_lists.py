"""How the operator comes to know what there is."""


def test_lists_are_streamed_as_the_beginning_of_the_watches(operator, audit):
    operator.stop()
    mark = audit.mark()
    operator.start()
    requests = audit.since(mark)
    begun = {e["objectRef"]["resource"] for e in requests
             if e["verb"] == "watch" and "sendInitialEvents=true" in e["requestURI"]}
    assert {"entityservices", "pods", "secrets", "deployments", "statefulsets"} <= begun, begun
    listed = [e["requestURI"] for e in requests if e["verb"] == "list"]
    assert not listed, listed
