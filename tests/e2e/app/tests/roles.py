"""What the operator lets run in the application's image."""


class Role:
    """Of one workload."""

    def __init__(self, objects, role):
        kind, name = role.split("/")
        workload = objects.job(name) if kind == "Job" else objects.find(kind, name)
        containers = workload["spec"]["template"]["spec"]["containers"]
        self.container = next(one for one in containers if "anonlink-app" in one["image"])
        self.command = self.container["command"]
        self.environment = {}
        for source in self.container.get("envFrom", []):
            self.environment.update(objects.config(source["configMapRef"]["name"]))
        for entry in self.container.get("env", []):
            self.environment[entry["name"]] = self._value(objects, entry)

    def _value(self, objects, entry):
        if "valueFrom" in entry:
            key = entry["valueFrom"]["secretKeyRef"]
            return objects.secret(key["name"])[key["key"]]
        value = entry.get("value", "")
        for name, known in self.environment.items():
            value = value.replace("$({})".format(name), known)
        return value
