#!/bin/sh
# Keeps the measuring cheap and what it measures honest.
set -eu

cat >/etc/sysctl.d/60-metrics-box.conf <<'CONF'
# Scrapes are short connections: their ports are free again soon.
net.core.somaxconn = 1024
net.ipv4.tcp_fin_timeout = 20
net.ipv4.tcp_tw_reuse = 1
# Dirty pages are written steadily, so that the disks' graphs show what programs do.
vm.dirty_background_ratio = 5
vm.dirty_ratio = 15
vm.swappiness = 10
# Nothing of one user is shown to another.
kernel.dmesg_restrict = 1
kernel.kptr_restrict = 2
kernel.yama.ptrace_scope = 1
CONF

mkdir -p /etc/systemd/journald.conf.d
cat >/etc/systemd/journald.conf.d/60-metrics-box.conf <<'CONF'
[Journal]
Storage=persistent
Compress=yes
SystemMaxUse=200M
MaxRetentionSec=1month
CONF

# The exporter is reached through the password alone; what nobody looks at is not measured.
cat >/etc/default/prometheus-node-exporter <<'CONF'
ARGS="--web.listen-address=127.0.0.1:9100 --web.disable-exporter-metrics --collector.systemd --collector.processes --collector.textfile.directory=/var/lib/prometheus/node-exporter --no-collector.arp --no-collector.bcache --no-collector.bonding --no-collector.btrfs --no-collector.fibrechannel --no-collector.infiniband --no-collector.ipvs --no-collector.nfs --no-collector.nfsd --no-collector.rapl --no-collector.tapestats --no-collector.zfs"
CONF
