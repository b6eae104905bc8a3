"""install.yaml is current, complete, and asks for no more than it says."""
import yaml

import manifests

DOCUMENTS = list(yaml.safe_load_all(manifests.INSTALL.read_text()))


def one(kind):
    found = [document for document in DOCUMENTS if document["kind"] == kind]
    assert len(found) == 1, f"{len(found)} documents of kind {kind}"
    return found[0]


def test_install_yaml_is_what_its_parts_make():
    composed = manifests.compose(manifests.PARTS.read_text(), manifests.CRD.read_text())
    assert manifests.INSTALL.read_text() == composed, "run tests/tools/manifests.py"


def test_a_changed_part_is_noticed():
    parts, crd = manifests.PARTS.read_text(), manifests.CRD.read_text()
    assert manifests.compose(parts, crd) != manifests.compose(parts, crd + "# more\n")
    assert manifests.compose(parts, crd) != manifests.compose(parts + "# more\n", crd)


def test_what_others_need_stands_before_them():
    kinds = [document["kind"] for document in DOCUMENTS]
    assert kinds == ["Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole",
                     "ClusterRoleBinding", "Role", "RoleBinding", "Deployment", "Service"]


def test_the_crd_is_the_one_of_the_repository():
    assert one("CustomResourceDefinition") == yaml.safe_load(manifests.CRD.read_text())


def test_the_namespace_enforces_restricted_pods():
    labels = one("Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_everything_bears_the_operators_name():
    for document in DOCUMENTS:
        if document["kind"] not in ("Namespace", "CustomResourceDefinition", "Service"):
            assert document["metadata"]["name"] == "entityservice-operator"
        if document["kind"] not in ("Namespace", "CustomResourceDefinition", "ClusterRole",
                                    "ClusterRoleBinding"):
            assert document["metadata"]["namespace"] == one("Namespace")["metadata"]["name"]


def test_no_rule_uses_a_wildcard_and_each_has_its_reason():
    for role in (one("ClusterRole"), one("Role")):
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
    lines = manifests.PARTS.read_text().splitlines()
    position = 0
    for index, line in enumerate(lines):
        if line.startswith("  - apiGroups:"):
            position += 1
            previous = lines[index - 1]
            # A rule without a comment of its own shares that of the rule before it.
            assert previous.startswith("  #") or previous.startswith("    verbs:"), line
    assert position > 5


def test_the_operator_can_not_read_or_delete_more_than_it_should():
    verbs = {}
    for rule in one("ClusterRole")["rules"]:
        for resource in rule["resources"]:
            verbs.setdefault(resource, set()).update(rule["verbs"])
    assert "delete" not in verbs["secrets"] | verbs["persistentvolumeclaims"]
    assert verbs["entityservices"] == {"get", "list", "watch"}
    assert not {"pods/exec", "nodes", "roles", "clusterroles"} & set(verbs)


def test_the_pod_passes_restricted_and_has_limits():
    pod = one("Deployment")["spec"]["template"]["spec"]
    container, = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False,
                                            "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}
    assert set(container["resources"]) == {"requests", "limits"}
    assert {"livenessProbe", "readinessProbe"} <= set(container)


def rules_of(document):
    return {(group, resource, verb) for rule in document["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


def namespaced(namespace="team-a"):
    text = manifests.NAMESPACED.read_text().replace("NAMESPACE", namespace)
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_namespaced_yaml_is_what_its_parts_make():
    composed = manifests.compose_namespaced(manifests.PARTS.read_text())
    assert manifests.NAMESPACED.read_text() == composed, "run tests/tools/manifests.py"


def test_namespaced_yaml_asks_for_nothing_outside_its_namespace():
    documents = namespaced()
    assert set(documents) == {"ServiceAccount", "Role", "RoleBinding", "Deployment", "Service"}
    for document in documents.values():
        assert document["metadata"]["namespace"] == "team-a"
    subject, = documents["RoleBinding"]["subjects"]
    assert subject["namespace"] == "team-a"
    container, = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["run", "--namespace=team-a"]


def test_the_namespaced_role_has_the_rules_of_the_cluster_role_but_those_that_none_can_have():
    whole = rules_of(one("ClusterRole")) | rules_of(one("Role"))
    of_the_cluster = {rule for rule in whole if rule[1] in manifests.OF_THE_CLUSTER}
    assert rules_of(namespaced()["Role"]) == whole - of_the_cluster
    assert {rule[1] for rule in of_the_cluster} == set(manifests.OF_THE_CLUSTER)


def test_what_is_lost_without_the_rules_that_no_role_can_have_is_documented():
    text = (manifests.ROOT / "docs/security.md").read_text()
    for resource in manifests.OF_THE_CLUSTER:
        assert f"| `{resource}` |" in text, resource
