"""Command lines of the programs that make up one cluster."""
import random
import socket

NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
LOCAL = "127.0.0.1"


def free_ports(count):
    """Ports below the range that the kernel hands out by itself, none of them in use."""
    held = []
    try:
        while len(held) < count:
            candidate = socket.socket()
            try:
                candidate.bind(("127.0.0.1", random.SystemRandom().randrange(18000, 32000)))
            except OSError:
                candidate.close()
                continue
            held.append(candidate)
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def commands(here, binaries, state, data, ports, address=LOCAL):
    """{program: argv}; ports are [apiserver, etcd, etcd's peers, KCM, scheduler, kwok].

    An address other than LOCAL is the one at which real nodes reach the API server.
    """
    api, client, peer, kcm, scheduler, kwok = ports
    etcd_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    pki = state / "pki"
    arguments = {
        "etcd": [
            "--name=e", f"--data-dir={data}", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=e={peer_url}",
        ],
        "kube-apiserver": [
            f"--etcd-servers={etcd_url}", f"--bind-address={address}",
            f"--advertise-address={address}", f"--secure-port={api}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true", "--profiling=false",
            f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--default-not-ready-toleration-seconds=10",  # quick eviction
            "--default-unreachable-toleration-seconds=10",
            f"--audit-policy-file={here}/audit-policy.yaml",
            f"--audit-log-path={state}/audit.log", "--audit-log-mode=blocking",
            "--audit-log-maxsize=2000",
        ],
        "kube-controller-manager": [
            f"--kubeconfig={state}/controller-manager.kubeconfig", "--leader-elect=false",
            "--use-service-account-credentials=true", "--bind-address=127.0.0.1",
            f"--secure-port={kcm}", f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt", "--kube-api-qps=500", "--kube-api-burst=1000",
            "--pvclaimbinder-sync-period=2s", "--horizontal-pod-autoscaler-sync-period=2s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
            "--horizontal-pod-autoscaler-downscale-stabilization=5s",
        ],
        "kube-scheduler": [
            f"--kubeconfig={state}/scheduler.kubeconfig", "--leader-elect=false",
            "--bind-address=127.0.0.1", f"--secure-port={scheduler}",
            "--kube-api-qps=500", "--kube-api-burst=1000",
        ],
        "kwok": [
            f"--kubeconfig={state}/kwok.kubeconfig", "--manage-all-nodes=true",
            "--enable-crds=Stage", "--cidr=10.0.0.0/16", "--node-ip=127.0.0.1",
            f"--node-port={kwok}", f"--server-address=127.0.0.1:{kwok}",
            "--node-lease-duration-seconds=40",
        ],
    }
    for name, more in (FOR_FAKE_NODES if address == LOCAL else for_real_nodes(pki)).items():
        arguments[name] += more
    return {name: [f"{binaries}/{name}", *arguments[name]] for name in NAMES}


FOR_FAKE_NODES = {"kube-apiserver": ["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"]}


def for_real_nodes(pki):
    return {
        "kube-apiserver": [
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
        ],
        # A lost node is noticed in seconds.
        "kube-controller-manager": ["--allocate-node-cidrs=false", "--node-monitor-period=2s",
                                    "--node-monitor-grace-period=12s"],
    }
