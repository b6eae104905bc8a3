"""`spec`. Defaults are written here only where the API server itself needs them; all others are
decided by the operator, whose descriptions say which."""
import rules
from pod import component_pod, pod
from shapes import (REPLICAS, annotations, choice, dns_name, flag, grace, in_all, integer, keys_are,
                    keys_are_not, mapping, obj, quantity, resources, rule, seconds, storage, text,
                    texts, with_rules)
from shapes import DNS_NAME

IMAGE = (r"[A-Za-z0-9]+([._:/-]+[A-Za-z0-9]+)*"
         r"(:[A-Za-z0-9_][A-Za-z0-9_.-]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})")
CONFIG_BYTES = 900000  # a ConfigMap takes 1048576, what the operator adds included
HOST = r"[A-Za-z0-9]+([._:/-]+[A-Za-z0-9]+)*"
BUCKET = r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"


def images():
    def image(what, default):
        return text(f"Image of {what}, a complete reference with a tag or digest. Default: "
                    f"{default}.", 512, IMAGE)
    return obj("Where images come from.", {
        "registry": text("Takes the place of docker.io in the default images: a host with an "
                         "optional port and path.", 253, HOST),
        "pullPolicy": choice("When to pull. Default: the cluster's; Always with channel Develop.",
                             "Always", "IfNotPresent", "Never"),
        "pullSecrets": texts("Names of Secrets for the registry.", 16, dns_name("Name.")),
        "app": image("the application", "data61/anonlink-app of the version"),
        "nginx": image("the proxy", "data61/anonlink-nginx that belongs to the version"),
        "postgres": image("Postgres", "library/postgres:17-trixie"),
        "redis": image("Redis and Sentinel, of version 7.0 or later", "valkey/valkey:8.1"),
        "objectStore": image("the object store", "pgsty/silo:RELEASE.2026-09-16T00-00-00Z"),
    })


def cidrs(description):
    item = with_rules(text("A CIDR.", 49),
                      rule("isCIDR(self)", "must be a CIDR like 10.0.0.0/8 or fd00::/8"))
    return texts(description, 64, item)


def proxy():
    timeouts = {name: seconds(f"Seconds. Default: {default}.", 1, 86400) for name, default in
                (("connectSeconds", 600), ("readSeconds", 1000), ("sendSeconds", 1000))}
    most = 100000
    limit = obj("What one client address may ask for; more is answered 429.", {
        "rps": integer("Requests a second, 0: no limit. Default: 200.", 0, most),
        "burst": integer("How many may come at once beyond that. Default: 50.", 0, most),
        "connections": integer("Connections at a time, 0: no limit. Default: 0.", 0, most),
    }, rules=[rule("!has(self.burst) || !has(self.rps) || self.rps > 0",
                   "means nothing while rps is 0 (no limit); remove it", fieldPath=".burst")])
    return obj("nginx, in front of the application in each API pod.", {
        "requestBuffering": choice("Whether an upload is received completely before the "
                                   "application sees it. Default: On.", "On", "Off"),
        "bodyBufferSize": text("How much of a body is kept in memory. Default: 1m.", 10,
                               "[1-9][0-9]{0,8}[kKmM]?"),
        "maxBodySize": text("The largest upload; more is answered 413. Default: 10000m.", 10,
                            "[1-9][0-9]{0,8}[kKmMgG]?"),
        "tempStorage": quantity("Space for bodies that do not fit in memory. Default: 20Gi in "
                                "Production, 5Gi in Test, 1Gi in Minimal.", positive=True),
        "timeouts": obj("Between nginx and the application.", timeouts),
        "rateLimit": limit,
        "realIPFrom": cidrs("Proxies before nginx whose X-Forwarded-For is believed."),
        "resources": resources("Resources of nginx."),
    })


def service():
    types = ("ClusterIP", "NodePort", "LoadBalancer")
    return obj("The Service of the API.", {
        "type": choice("Default: ClusterIP.", *types),
        "port": integer("Default: 80.", 1, 65535),
        "annotations": annotations("Annotations of the Service."),
        "loadBalancerSourceRanges": cidrs("Clients that the load balancer lets in."),
    }, rules=[rule("!has(self.loadBalancerSourceRanges) || size(self.loadBalancerSourceRanges) == 0 "
                   "|| (has(self.type) && self.type == 'LoadBalancer')",
                   "works with type LoadBalancer only; write that type or remove it",
                   fieldPath=".loadBalancerSourceRanges")])


def api():
    return obj("The REST API: nginx and gunicorn in one pod.", {
        "replicas": integer("Default: 2 in Production, else 1.", 1, REPLICAS),
        "resources": resources("Resources of gunicorn."),
        "terminationGracePeriodSeconds": grace("running requests get to end.",
                                               "150 in Production, else 30", 30),
        "proxy": proxy(),
        "service": service(),
        "pod": component_pod("the API's pods"),
    })


def celery():
    return obj("How Celery runs.", {
        "concurrency": integer("Processes in a pod. Default: the CPU limit, rounded up.", 1, 1024),
        "prefetchMultiplier": integer("Tasks that a process reserves. Default: 1.", 1, 1024),
        "maxTasksPerChild": integer("Tasks after which a process is replaced. Default: 2048.", 1,
                                    1000000),
        "acksLate": flag("Whether a task is acknowledged after it has run, so that a lost worker "
                         "loses none. Default: true."),
    })


def workers():
    high = obj("The workers that also take the tasks that need much memory.", {
        "replicas": integer("Default: 1. Nobody else takes their queue, so there is always one.", 1,
                            REPLICAS),
        "resources": resources("Resources of a worker."),
        "celery": celery(),
        "terminationGracePeriodSeconds": grace("a running task gets to end.",
                                               "3600 in Production, else 30"),
        "pod": component_pod("their pods"),
    })
    return obj("The match workers; spec.replicas says how many.", {
        "resources": resources("Resources of a worker."),
        "celery": celery(),
        "terminationGracePeriodSeconds": grace("a running task gets to end.",
                                               "300 in Production, else 30"),
        "pod": component_pod("their pods"),
        "chunkSizeAim": integer("Comparisons in one task. Default: 300000000.", 1, 10**12),
        "cacheExpirySeconds": integer("How long the state of a run is kept in Redis. Default: "
                                      "2592000.", 1, 315360000),
        "highMemory": high,
    })


def database():
    parameters = mapping(
        "Settings of postgresql.conf.", 128,
        text("Its value.", 1024, r"[^\x00-\x1f\x7f]*"),
        keys_are(r"[a-z_][a-z0-9_]{0,62}(\.[a-z0-9_]{1,62})?",
                 "must be names of parameters, in lower case"),
        keys_are_not(rules.PARAMETERS, "has a parameter that the operator sets; remove it "
                     "(for max_connections there is maxConnections)"))
    return obj("Postgres.", {"managed": obj("One that the operator runs.", {
        "storage": storage("the database", rules.SIZES["database"]),
        "resources": resources("Resources of Postgres."),
        "maxConnections": integer("Default: 400 in Production, 200 in Test, 100 in Minimal.", 20,
                                  10000),
        "parameters": parameters,
        "pod": component_pod("its pod"),
        "terminationGracePeriodSeconds": grace("Postgres gets to end.",
                                               "120 in Production, else 30"),
    })})


def redis():
    replicas = with_rules(integer("3 with Sentinel, or 1. Default: 3 in Production, else 1.", 1, 3),
                          rule("self != 2", "must be 1 or 3"))
    return obj("Redis: queue and cache.", {
        "mode": choice("How clients find the master. Default: Sentinel with three, Direct with one.",
                       "Sentinel", "Direct"),
        "managed": obj("One that the operator runs.", {
            "replicas": replicas,
            "storage": storage("each Redis", rules.SIZES["redis"], shareable=False),
            "resources": resources("Resources of Redis."),
            "sentinelResources": resources("Resources of Sentinel."),
            "pod": component_pod("its pods"),
            "terminationGracePeriodSeconds": grace("Redis gets to write and hand over.",
                                                   "60 in Production, else 30"),
        }),
    })


def object_store():
    return obj("The S3 store: uploads, intermediate data, results.", {
        "managed": obj("One that the operator runs.", {
            "storage": storage("the store", rules.SIZES["objectStore"]),
            "resources": resources("Resources of the store."),
            "pod": component_pod("its pod"),
            "terminationGracePeriodSeconds": grace("the store gets to end.", "30"),
        }),
        "buckets": obj("Names of the buckets, fixed once made.", {
            "results": text("Bucket of the application. Default: anonlink.", 63, BUCKET),
            "uploads": text("Bucket that clients upload to. Default: uploads.", 63, BUCKET),
        }),
    })


def topology():
    spread = ("None", "Soft", "Hard")
    return obj("How pods of one component are spread. Soft: if possible, Hard: or not at all.", {
        "zoneSpread": choice("Over zones. Default: Soft in Production, else None.", *spread),
        "hostSpread": choice("Over nodes. Default: None in Minimal, else Soft.", *spread),
        "maxSkew": integer("By how many pods zones or nodes may differ. Default: 1.", 1, 100),
    })


def config():
    return mapping("More environment variables of the application. Those that the operator sets "
                   "are refused.", 128, text("Its value.", 8192),
                   keys_are("[A-Za-z_][A-Za-z0-9_]{0,127}", "must be names of variables"),
                   keys_are_not(rules.VARIABLES, "has a variable that the operator sets; use the "
                                "field of spec for it, or remove it"),
                   in_all(CONFIG_BYTES))


def spec():
    profile = choice("Sizes, replicas, spreading and persistence; fixed once made. Minimal keeps no "
                     "data when pods go.", "Minimal", "Test", "Production", default="Production")
    return obj("What is wanted.", {
        "profile": with_rules(profile, rule("self == oldSelf", "cannot change; " + rules.NO_MOVE)),
        "channel": choice("Where versions come from. Develop and Commit only in namespaces for "
                          "pre-releases.", "Release", "Develop", "Commit", default="Release"),
        "version": text("The version of the application: 1.15.1, 1.15, 1 or latest (not in "
                        "Production); develop; or a commit.", 64, default="1.15.1"),
        "replicas": integer("Match workers, also by kubectl scale.", 0, REPLICAS, default=2),
        "suspend": flag("Runs no pods at all and keeps the data. Default: false."),
        "paused": flag("Writes nothing but the status, which says what is pending. Default: false."),
        "deletionPolicy": choice("What becomes of volumes and generated Secrets when the resource "
                                 "is deleted. Default: Retain in Production, else Delete.",
                                 "Retain", "Delete"),
        "tuning": choice("Whether the application is mended from outside, so that its runs outlive "
                         "failovers of Redis and the death of workers, or runs as it was released. "
                         "Default: Operator for the releases that the operator knows, else "
                         "Upstream.", "Operator", "Upstream"),
        "updates": choice("Whether a newer operator may change the pods of database, redis and object "
                          "store by itself, or waits for the annotation "
                          "entityservice.io/approve-updates. Default: OnRequest in Production, else "
                          "Automatic.", "Automatic", "OnRequest"),
        "progressDeadlineSeconds": seconds("How long a change may take until the resource counts as "
                                           "stalled. Default: 600."),
        "clusterDomain": text("DNS domain of the cluster. Default: cluster.local.", 83, DNS_NAME),
        "images": images(),
        "config": config(),
        "pod": pod("all pods"),
        "api": api(),
        "workers": workers(),
        "database": database(),
        "redis": redis(),
        "objectStore": object_store(),
        "topology": topology(),
        "networkPolicy": obj("Network policies.", {
            "enabled": flag("Whether only what the system needs may connect. Default: true.")}),
    }, rules=rules.of_spec())
