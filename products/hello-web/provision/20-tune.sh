#!/bin/sh
# Tunes kernel and journal for a small web server.
set -eu

cat >/etc/sysctl.d/60-hello-web.conf <<'CONF'
# Many short connections: longer queues, more local ports, no slow start after idling.
net.core.somaxconn = 4096
net.ipv4.tcp_max_syn_backlog = 4096
net.ipv4.ip_local_port_range = 10240 65535
net.ipv4.tcp_slow_start_after_idle = 0
# Keep the page cache: nothing here works with large heaps.
vm.swappiness = 10
# Nothing of one user is shown to another.
kernel.dmesg_restrict = 1
kernel.kptr_restrict = 2
CONF

mkdir -p /etc/systemd/journald.conf.d
cat >/etc/systemd/journald.conf.d/60-hello-web.conf <<'CONF'
[Journal]
Storage=persistent
Compress=yes
SystemMaxUse=200M
MaxRetentionSec=1month
CONF

# Metrics are for the instance itself and what the owner puts in front of it.
cat >/etc/default/prometheus-node-exporter <<'CONF'
ARGS="--web.listen-address=127.0.0.1:9100"
CONF
