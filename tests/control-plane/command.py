"""./dev cluster ACTION: a local control plane, and what it can be made to suffer.

Every action takes --name NAME or --state DIR and then means another cluster than build/cluster.
"""
import argparse
import os
import pathlib
import shlex
import subprocess
import sys
import time

import cluster
import faults
import processes
import programs

ROOT = cluster.HERE.parent.parent


def up(state, given):
    found = cluster.running(state)
    if found:
        version = found.version()
        if given.kubernetes and not f"{version}.".startswith(f"v{given.kubernetes}."):
            sys.exit(f"error: the cluster already runs with Kubernetes {version}; first: "
                     "./dev cluster down")
        if given.real != found.has_real_nodes:
            sys.exit(f"error: a cluster with {'real' if found.has_real_nodes else 'fake'} nodes already "
                     "runs; first: ./dev cluster down")
        print(f"the cluster already runs: {found.server}, Kubernetes {version}")
        return
    began = time.monotonic()
    started = cluster.start(state, given.die_with, kubernetes=given.kubernetes,
                            real=given.nodes if given.real else 0)
    print(f"cluster started in {time.monotonic() - began:.1f} s: {started.server}, "
          f"Kubernetes {started.version()}, kubeconfig {started.kubeconfig}")
    for archive in sorted(given.images.iterdir()) if given.images else []:
        for name in started.load_images(archive):
            print(f"{archive.name}: each node has {name}")


def load(found, given):
    for archive in given.archives:
        for name in found.load_images(archive):
            print(f"each node has {name}")


def down(state, _):
    cluster.stop(state)
    print("nothing is left running")


def env(found, _):
    print(f"export KUBECONFIG={shlex.quote(str(found.kubeconfig))}")
    path = os.environ.get("PATH", "")
    if str(found.binaries) not in path.split(":"):
        path = f"{found.binaries}:{path}"
    print(f"export PATH={shlex.quote(path)}")


def status(found, _):
    print(f"server      {found.server}\nkubeconfig  {found.kubeconfig}")
    for name in cluster.programs_of(found.state):
        print(f"{name:24} {found.pid(name) or 'stopped'}")
    operator = pathlib.Path(found.state) / "operator.identity"
    if operator.exists():
        known = operator.read_text().strip()
        print(f"{'operator':24} {known.partition('-')[0] if processes.alive(known) else 'ended'}")


def break_(found, given):
    faults.break_pods(found, given.namespace, given.selector, given.mode, given.times)
    which = "all pods" if given.times is None else f"the next {given.times} new pods"
    print(f"{which} of {given.selector} in {given.namespace}: {given.mode}")


def mend(found, given):
    faults.mend(found, given.namespace)
    print(f"nothing is broken in {given.namespace}")


def fill_quota(found, given):
    faults.fill_quota(found, given.namespace, given.resources.split(","), given.room)
    print(f"room for {given.room} more of {given.resources} in {given.namespace}")


def lose_node(found, given):
    found.power_off(given.node) if found.has_real_nodes else faults.lose_node(found, given.node)
    print(f"{given.node} is lost")


def return_node(found, given):
    found.power_on(given.node) if found.has_real_nodes else faults.return_node(found, given.node)
    print(f"{given.node} is back")


def restart(found, given):
    if given.expire_watches and given.program != "kube-apiserver":
        raise ValueError("only kube-apiserver has watches that can expire")
    if given.program == "kube-apiserver":
        found.restart_apiserver(given.expire_watches)
    else:
        found.restart_program(given.program)
    print(f"{given.program} runs again" + (
        ", every older watch gets 410" if given.expire_watches else ""))


def pause(found, given):
    found.pause_program(given.program)
    print(f"{given.program} stands still; go on: ./dev cluster resume {given.program}")


def resume(found, given):
    found.resume_program(given.program)
    print(f"{given.program} goes on")


def compact(found, _):
    print(f"etcd knows nothing before revision {faults.compact(found)}")


def renew_certificate(found, _):
    print(f"kube-apiserver runs again, with a certificate of {faults.renew_certificate(found)}")


def set_usage(found, given):
    faults.set_usage(found, given.namespace, given.selector, given.cpu, given.memory)
    print(f"each pod of {given.selector} in {given.namespace} uses {given.cpu} CPU, "
          f"{given.memory} memory")


# kwok plays it, or the nodes would not survive it.
FAKE_NODES_ONLY = (break_, mend, fill_quota, renew_certificate, set_usage)


def parse():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", help="another cluster beside the default one")
    common.add_argument("--state", help="its folder (default build/cluster, or build/clusters/NAME)")
    parser = argparse.ArgumentParser(prog="./dev cluster", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    def action(run, text, *arguments, name=None):
        added = actions.add_parser(name or run.__name__.replace("_", "-"), help=text,
                                   description=text, parents=[common])
        for flags, options in arguments:
            added.add_argument(*flags, **options)
        added.set_defaults(run=run)

    def argument(*flags, **options):
        return flags, options

    namespace = argument("-n", "--namespace", default="default")
    selector = argument("-l", "--selector", required=True, metavar="KEY=VALUE,...")
    node = argument("node", metavar="NODE")
    program = argument("program", choices=programs.NAMES)
    action(up, "start it",
           argument("--kubernetes", metavar="VERSION", default=os.environ.get("KUBERNETES"),
                    help="one of versions.env, such as 1.33"),
           argument("--real", action="store_true", help="real nodes, on which pods run"),
           argument("--nodes", type=int, default=1, choices=range(1, 10), help="how many real ones"),
           argument("--images", type=pathlib.Path, metavar="DIR",
                    help="archives of images that real nodes take instead of their own"),
           argument("--die-with", type=int, metavar="PID", help="end with this process"))
    action(load, "give real nodes the images of an archive",
           argument("archives", nargs="+", metavar="ARCHIVE"))
    action(down, "end it")
    action(env, "print the exports for a shell")
    action(status, "show what runs")
    action(break_, "make pods misbehave", argument("mode", choices=faults.MODES), namespace,
           selector, argument("--times", type=int, help="only the next new pods, so many"),
           name="break")
    action(mend, "end what break, fill-quota and set-usage did to a namespace", namespace)
    action(fill_quota, "let nothing more be created", namespace,
           argument("--resources", default="pods", metavar="NAME,..."),
           argument("--room", type=int, default=0, help="how many more fit"))
    action(lose_node, "nobody hears of a node any more", node)
    action(return_node, "the lost node is back", node)
    action(restart, "kill a program and start it anew", program,
           argument("--expire-watches", action="store_true",
                    help="API server: every older resourceVersion gets 410"))
    action(pause, "make a program stand still with its connections open", program)
    action(resume, "let it go on", program)
    action(compact, "etcd forgets its past")
    action(renew_certificate, "the API server's certificate comes from a new authority")
    action(set_usage, "tell the metrics API what pods use", namespace, selector,
           argument("--cpu", required=True), argument("--memory", default="10Mi"))
    return parser.parse_args()


def main():
    given = parse()
    state = given.state or ROOT / "build" / (f"clusters/{given.name}" if given.name else "cluster")
    if given.run in (up, down):
        given.run(state, given)
        return
    found = cluster.running(state)
    if not found:
        sys.exit("no cluster runs here; start one: ./dev cluster up")
    if given.run in FAKE_NODES_ONLY and found.has_real_nodes:
        sys.exit("error: this cluster has real nodes, and only one with fake nodes can do that; "
                 "first: ./dev cluster down, then ./dev cluster up")
    given.run(found, given)


def explanation(error):
    """What went wrong and what to do, in one line."""
    look = "./dev cluster status says what runs, resume and restart bring back what does not"
    if isinstance(error, subprocess.CalledProcessError):
        said = "; ".join(filter(None, map(str.strip, (error.stderr or str(error)).splitlines())))
        unreachable = "refused" in said or "Unable to connect" in said or "timeout" in said.lower()
        return f"{said}; {look}" if unreachable else said
    if isinstance(error, subprocess.TimeoutExpired):
        program = pathlib.Path(str(error.cmd[0])).name
        return f"{program} was given up after {error.timeout:.0f} s; {look}"
    if isinstance(error, FileNotFoundError) and pathlib.Path(error.filename or "").name == "kubectl":
        return (f"{error.filename} is gone from the cache, with the other programs of this cluster; "
                "./dev cluster down, then ./dev cluster up builds them again")
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; --state DIR takes another folder"
    return str(error) or type(error).__name__


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("error: interrupted; should anything be left of it, ./dev cluster down ends that")
    except (cluster.ClusterError, faults.EtcdError, subprocess.SubprocessError, OSError,
            ValueError) as error:
        sys.exit(f"error: {explanation(error)}")
