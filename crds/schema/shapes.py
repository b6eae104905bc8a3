"""Shapes of the schema: each bounded, since unbounded values make CEL rules too dear to accept."""

SECONDS = 2592000
REPLICAS = 1000
ANNOTATION_BYTES = 120000  # of spec.pod and of a component together, Kubernetes takes 262144

DNS_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LABEL_KEY = rf"({DNS_NAME}/)?{LABEL_NAME}"
KEY_LENGTH = 253  # with this the prefix alone is never too long
OPERATORS_KEY = (r"^(([a-z0-9.-]*\.)?(entityservice\.io|kubernetes\.io|k8s\.io)/.*|pod-template-hash|"
                 r"controller-revision-hash|job-name|controller-uid)$")
# Bounded digits: every value fits 63 bits.
QUANTITY = (r"[0-9]{1,15}(\.[0-9]{1,6})?[numk]?|[0-9]{1,9}(\.[0-9]{1,6})?(Ki|[MG]i?)|"
            r"[0-9]{1,3}(\.[0-9]{1,6})?[TP]i?")


def rule(expression, message, **more):
    return {"rule": expression, "message": message, **more}


def with_rules(schema, *rules):
    return {**schema, "x-kubernetes-validations":
            schema.get("x-kubernetes-validations", []) + list(rules)}


def text(description, most=253, pattern=None, **more):
    schema = {"type": "string", "description": description, "maxLength": most}
    if pattern:
        schema["pattern"] = f"^({pattern})$"
    return {**schema, **more}


def dns_name(description):
    return text(description, pattern=DNS_NAME)


def choice(description, *values, **more):
    return {"type": "string", "description": description, "enum": list(values), **more}


def integer(description, least, most, **more):
    return {"type": "integer", "format": "int64", "description": description,
            "minimum": least, "maximum": most, **more}


def seconds(description, least=1, most=SECONDS):
    return integer(description, least, most)


def flag(description):
    return {"type": "boolean", "description": description}


def quantity(description, positive=False):
    schema = {"description": description, "x-kubernetes-int-or-string": True,
              "anyOf": [{"type": "integer"}, {"type": "string"}],
              "pattern": f"^({QUANTITY})$", "maxLength": 32, "minimum": 0,
              "maximum": 10**15 - 1}
    if positive:
        schema = with_rules(schema, rule("quantity(string(self)).isGreaterThan(quantity('0'))",
                                         "must be more than 0"))
    return schema


def obj(description, properties, required=(), rules=()):
    schema = {"type": "object", "description": description, "properties": properties}
    if required:
        schema["required"] = list(required)
    return with_rules(schema, *rules) if rules else schema


def texts(description, most, item, **more):
    """A list of different texts."""
    return {**more, "type": "array", "description": description, "maxItems": most,
            "x-kubernetes-list-type": "set", "items": item}


def items(description, most, item, key=None):
    schema = {"type": "array", "description": description, "maxItems": most, "items": item,
              "x-kubernetes-list-type": "map" if key else "atomic"}
    return {**schema, "x-kubernetes-list-map-keys": [key]} if key else schema


def mapping(description, most, value, *rules):
    schema = {"type": "object", "description": description, "maxProperties": most,
              "additionalProperties": value}
    return with_rules(schema, *rules) if rules else schema


def label_value():
    return text("A label value.", 63, f"({LABEL_NAME})?")


def keys_are(pattern, message):
    return rule(f"self.all(k, size(k) <= {KEY_LENGTH} && k.matches(r'^({pattern})$'))", message)


def in_all(most):
    return rule(f"self.map(k, size(bytes(k)) + size(bytes(self[k]))).sum() <= {most}",
                f"must not be more than {most} bytes in all")


def keys_are_not(pattern, message):
    return rule(f"self.all(k, !k.matches(r'{pattern}'))", message)


LABEL_KEYS = keys_are(LABEL_KEY, "keys must be label keys like example.com/team")
USERS_KEYS = keys_are_not(OPERATORS_KEY, "remove keys under entityservice.io and kubernetes.io: the "
                          "operator and the cluster set them")


def annotations(description):
    return mapping(description, 64, text("Any text.", 4096), LABEL_KEYS, USERS_KEYS,
                   in_all(ANNOTATION_BYTES))


def resources(description):
    def amounts(what):
        return obj(what, {
            "cpu": quantity("CPUs, like 500m or 2."),
            "memory": quantity("Bytes, like 512Mi."),
            "ephemeral-storage": quantity("Bytes of the node's disk; else what the temporary space "
                                          "of the pod may hold."),
        })

    def fits(name, key):
        return rule(f"!has(self.requests) || !has(self.limits) || !has(self.requests.{key}) || "
                    f"!has(self.limits.{key}) || quantity(string(self.requests.{key})).compareTo("
                    f"quantity(string(self.limits.{key}))) <= 0",
                    f"requests.{name} must not be more than limits.{name}",
                    fieldPath=f".requests['{name}']" if "-" in name else f".requests.{name}")

    return obj(description + " What is not written is the profile's.", {
        "requests": amounts("What is reserved on the node."),
        "limits": {**amounts("What can be used at most.")},
    }, rules=[fits("cpu", "cpu"), fits("memory", "memory"),
              rule("!has(self.requests) || !has(self.requests.ephemeral__dash__storage) || "
                   "(has(self.limits) && has(self.limits.ephemeral__dash__storage))",
                   "needs a limit; write limits.ephemeral-storage too",
                   fieldPath=".requests['ephemeral-storage']"),
              fits("ephemeral-storage", "ephemeral__dash__storage")])


def access_modes():
    mode = choice("An access mode.", "ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany")
    return with_rules(
        texts("Access modes of the claim. Default: ReadWriteOnce.", 3, mode, minItems=1),
        rule("!('ReadWriteOncePod' in self) || size(self) == 1",
             "has ReadWriteOncePod, which goes with no other mode; remove one"))


def storage(what, sizes, shareable=True):
    large, small = sizes
    claim = "An existing volume claim to use, in place of one of the operator's."
    if not shareable:
        claim += " Only with one Redis."
    return obj(f"The volume of {what}. Its size can grow, all else of it is fixed once written.", {
        "enabled": flag("Whether there is a volume at all: without one the data dies with the pod. "
                        "Default: true in Test and Production, false in Minimal."),
        "size": quantity(f"Size of the volume. Default: {large} in Production, else {small}.",
                         positive=True),
        "className": dns_name("Storage class. Default: the cluster's default class."),
        "accessModes": access_modes(),
        "existingClaim": dns_name(claim),
    }, rules=[rule("!has(self.existingClaim) || !(has(self.size) || has(self.className) || "
                   "has(self.accessModes))",
                   "existingClaim names a volume that exists: remove size, className and "
                   "accessModes", fieldPath=".existingClaim")])


def grace(description, default, least=1):
    return seconds(f"Seconds that {description} Default: {default}.", least)
