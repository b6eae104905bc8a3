"""Volumes of real nodes behave as disks of a cloud, and as disks of a node."""
import pathlib

import volumes
from conftest import eventually


def claim(name, size="400Mi", storage_class=None):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}},
                     **({"storageClassName": storage_class} if storage_class else {})}}


def volume_of(space, name):
    return space.get("pv", space.get("pvc", name)["spec"]["volumeName"])


def attached_to(space, name):
    """The nodes to which the claim's volume really is attached."""
    volume = space.get("pvc", name)["spec"].get("volumeName")
    return [one["spec"]["nodeName"] for one in space.get("volumeattachments")["items"]
            if one["spec"]["source"].get("persistentVolumeName") == volume
            and one.get("status", {}).get("attached")]


def events(space, name, reason):
    return [one["message"] for one in space.get("events")["items"]
            if one["involvedObject"]["name"] == name and one["reason"] == reason]


def test_the_default_volume_follows_its_pod_and_is_attached_to_one_node_at_a_time(space):
    space.apply(claim("data"))
    space.run("first", node="node-1", claim="data").shell("first", "echo kept >/data/file; sync")
    assert attached_to(space, "data") == ["node-1"]
    space.run("second", node="node-2", claim="data", wait=False)
    assert "Multi-Attach" in eventually(lambda: events(space, "second", "FailedAttachVolume"))[0]
    space.remove("pod/first")
    space.kubectl("wait", "--for=condition=Ready", "pod/second", "--timeout=60s")
    assert space.shell("second", "cat /data/file") == "kept"
    assert attached_to(space, "data") == ["node-2"]


def test_a_local_volume_waits_for_its_pod_and_binds_it_to_the_node(space):
    space.apply(claim("data", storage_class="local"))
    assert "WaitForFirstConsumer" in str(eventually(
        lambda: [one["reason"] for one in space.get("events")["items"]]))
    space.run("first", node="node-2", claim="data").shell("first", "echo kept >/data/file; sync")
    terms = volume_of(space, "data")["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert [it["values"] for term in terms for it in term["matchExpressions"]] == [["node-2"]]
    space.remove("pod/first")
    space.run("elsewhere", node="node-1", claim="data", wait=False)
    assert eventually(lambda: events(space, "elsewhere", "FailedScheduling"))
    space.remove("pod/elsewhere")
    space.run("anywhere", claim="data")
    assert space.get("pod", "anywhere")["spec"]["nodeName"] == "node-2"
    assert space.shell("anywhere", "cat /data/file") == "kept"


def test_only_the_group_of_the_pod_may_write(space):
    space.apply(claim("data"))
    space.run("owner", claim="data", group=4711)
    assert space.shell("owner", "stat -c %g:%a /data; touch /data/file; stat -c %g /data/file") \
        .split() == ["4711:2775", "4711"]


def test_without_a_group_nobody_but_root_may_write(space):
    space.apply(claim("data"))
    space.run("stranger", claim="data", group=None)
    assert "Permission denied" in space.fails("stranger", "touch /data/file")


def size_in(space, name):
    return int(space.shell(name, "df --output=size -BM /data | tail -1").rstrip("M"))


def test_a_volume_is_full_when_it_is_full_and_grows_under_a_running_pod(space):
    for storage_class in ("net", "local"):
        space.apply(claim(storage_class, storage_class=storage_class))
        space.run(storage_class, claim=storage_class)
        before = size_in(space, storage_class)
        assert 300 < before <= 400
        fill = "dd if=/dev/zero of=/data/file bs=1M count=500 status=none"
        assert "No space left" in space.fails(storage_class, fill)
        space.kubectl("patch", "pvc", storage_class, "--patch",
                      '{"spec": {"resources": {"requests": {"storage": "700Mi"}}}}')
        eventually(lambda on=storage_class:
                   space.get("pvc", on)["status"]["capacity"] == {"storage": "700Mi"})
        assert size_in(space, storage_class) == before + 300
        space.shell(storage_class, fill)
        assert space.get("pod", storage_class)["status"]["containerStatuses"][0]["restartCount"] == 0
        space.remove(f"pod/{storage_class}")


def test_a_deleted_claim_leaves_no_disk(space):
    space.apply(claim("data"))
    space.run("user", claim="data")
    name = volume_of(space, "data")["metadata"]["name"]
    disk = pathlib.Path(volumes.disks(space.cluster.state)) / "net" / name
    assert (disk / "disk").exists()
    space.remove("pod/user", "pvc/data")
    eventually(lambda: not disk.exists())
    eventually(lambda: not space.kubectl("get", "pv", name, "--ignore-not-found"))
