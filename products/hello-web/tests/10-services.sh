#!/bin/sh
# All that the product promises runs, on an instance that nobody has touched.
set -eu

for service in nginx prometheus-node-exporter; do
    systemctl is-active --quiet "$service" || { systemctl status "$service" --no-pager; exit 1; }
    echo "$service is active"
done
