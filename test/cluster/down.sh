#!/bin/sh
# down.sh STATE BRIDGE KUBE_PROXY: ends the cluster whose state is in that folder, however much of it is there, and removes the folder.
state=$1 bridge=$2 kube_proxy=$3
cd "$state" || exit 0

for name in kubelet kube-proxy coredns kube-scheduler kube-controller-manager kube-apiserver etcd; do
  [ -f "$name.pid" ] && kill -KILL "$(cat "$name.pid")"
done

# The containers first, while there is a containerd to ask; then their shims, which outlive it.
in_time() { timeout 20 ctr -a containerd.sock -n k8s.io "$@"; }
in_time tasks ls -q | while read -r id; do in_time tasks kill -s KILL "$id"; done
sleep 1
[ -f containerd.pid ] && kill -KILL "$(cat containerd.pid)"
for process in /proc/[0-9]*; do
  if tr '\0' '\n' < "$process/cmdline" | grep -qxF "$state/containerd.sock"; then kill -KILL "${process#/proc/}"; fi
done
sleep 0.5

for attempt in 1 2 3; do
  awk -v at="$state/" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r | while read -r at; do umount "$at" || umount -l "$at"; done
done
ip link del "$bridge"
"$kube_proxy" --cleanup
for chain in INPUT OUTPUT; do iptables -D "$chain" -j KUBE-FIREWALL; done
iptables -F KUBE-FIREWALL && iptables -X KUBE-FIREWALL
[ -f ip_forward ] && cat ip_forward > /proc/sys/net/ipv4/ip_forward
find /var/log/containers -type l -lname "$state/*" -delete
for result in /var/lib/cni/results/pg-airlock-pods-*-eth0; do
  sandbox=${result#*/pg-airlock-pods-}
  rm -f "$result" "/var/lib/cni/results/cni-loopback-${sandbox%-eth0}-lo"
done
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  find "$group/k8s.io" -depth -type d -exec rmdir {} +
done
cd / && rm -rf "$state"
