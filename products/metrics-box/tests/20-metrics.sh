#!/bin/sh
# The dashboard opens with the instance's own password, and shows what the collectors found.
set -eu

if cat /etc/metrics-box/password 2>/dev/null; then
    echo "everybody reads the password"
    exit 1
fi
password=$(sudo cat /etc/metrics-box/password)
status=$(curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1/)
[ "$status" = 401 ] || { echo "without the password the dashboard answers $status"; exit 1; }
curl --silent --fail --user "metrics:$password" http://127.0.0.1/ | grep -q '<title>Metrics Box</title>'
sudo systemctl start metrics-box-collectors.service
metrics=$(curl --silent --fail --user "metrics:$password" http://127.0.0.1/metrics)
for name in node_load1 metrics_box_updates_pending metrics_box_licence_present; do
    printf '%s\n' "$metrics" | grep -q "^$name" || { echo "$name is missing"; exit 1; }
done
failed=$(printf '%s\n' "$metrics" | grep '^metrics_box_collector_success' | grep ' 0$' || :)
[ -z "$failed" ] || { echo "$failed"; exit 1; }
echo "metrics and collectors answer"
