#!/usr/bin/env bash
# node-init.sh FOLDER NAME GROUP: the first process of a node, in namespaces of its own. Everything of
# the node ends with it. FOLDER has the programs' configuration and becomes the node's disk.
set -euo pipefail
folder=$1 name=$2 group=$3

for hierarchy in /sys/fs/cgroup/*/; do
    [ ! -d "$hierarchy$group/system" ] || echo $$ >"$hierarchy$group/system/cgroup.procs"
done
hostname "$name"
# Its own, so that nothing appears in those of the machine.
for place in /run /var/lib /var/log; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
mkdir -p /run/lock /run/netns
ln -s "$folder/networks" /run/networks
for place in /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /var/log/containers; do
    mkdir -p "$place" "$folder/disk$place"
    mount --bind "$folder/disk$place" "$place"
done
mount --make-rshared /
ulimit -n "$(ulimit -Hn)"
echo 1 >/proc/sys/net/ipv4/ip_forward
for filter in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >"$filter"; done

# keep PROGRAM ARGUMENT...: started again whenever it ends, unless FOLDER/off-PROGRAM exists.
keep() {
    local program=${1##*/}
    while :; do
        [ -e "$folder/off-$program" ] || "$@" >>"$folder/$program.log" 2>&1 || true
        sleep 0.3
    done
}

# Without this no policy sees what pods of one node send to each other.
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
until [ -e "$folder/attached" ]; do sleep 0.02; done
keep containerd --config "$folder/containerd.toml" &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
keep "$folder/bin/kubelet" --config="$folder/kubelet.json" --kubeconfig="$folder/kubelet.kubeconfig" \
    --hostname-override="$name" --node-ip="$(<"$folder/address")" \
    --node-labels="topology.kubernetes.io/zone=zone-${name##*-}" &
keep "$folder/bin/kube-proxy" --config="$folder/kube-proxy.json" &
keep "$folder/bin/volumes" node "${folder%/*}/disks" "$name" &
while :; do wait -n || sleep 1; done
