"""The tree that the demo prints."""
import show_status


def test_tree():
    text = show_status.tree({
        "metadata": {"namespace": "n", "name": "demo"},
        "status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": "Waiting"}],
            "components": [{"name": "redis", "ready": 3, "desired": 3},
                           {"name": "api", "ready": 0, "desired": 2, "message": "waits for redis"}],
            "replicas": 4, "readyReplicas": 1,
            "images": {"app": "x/y:1"}, "endpoints": {"api": "http://demo.n.svc"}}})
    assert text.splitlines()[0] == "n/demo"
    for part in ("Ready=False Waiting", "+ redis", "- api", "0/2  waits for redis",
                 "1 of 4 ready", "x/y:1", "http://demo.n.svc"):
        assert part in text


def test_resource_without_status():
    assert show_status.tree({"metadata": {"namespace": "n", "name": "new"}}) == "n/new"
