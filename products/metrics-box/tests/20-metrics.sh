#!/bin/sh
# The dashboard opens with the instance's own password, and shows what the collectors found.
set -eu

if cat /etc/metrics-box/password 2>/dev/null; then
    echo "everybody reads the password"
    exit 1
fi
password=$(sudo cat /etc/metrics-box/password)

# get PATH [PASSWORD]: the answer's status, then its body. The image has no curl, and need not have one for its tests.
get() {
    python3 - "$@" <<'PYTHON'
import base64, sys, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1" + sys.argv[1])
if len(sys.argv) > 2:
    request.add_header("Authorization", "Basic " + base64.b64encode(f"metrics:{sys.argv[2]}".encode()).decode())
try:
    answer = urllib.request.urlopen(request, timeout=20)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status)
print(answer.read().decode())
PYTHON
}

status=$(get / | head -n 1)
[ "$status" = 401 ] || { echo "without the password the dashboard answers $status"; exit 1; }
get / "$password" | grep -q '<title>Metrics Box</title>'
sudo systemctl start metrics-box-collectors.service
metrics=$(get /metrics "$password")
for name in node_load1 metrics_box_updates_pending metrics_box_licence_present; do
    printf '%s\n' "$metrics" | grep -q "^$name" || { echo "$name is missing"; exit 1; }
done
failed=$(printf '%s\n' "$metrics" | grep '^metrics_box_collector_success' | grep ' 0$' || :)
[ -z "$failed" ] || { echo "$failed"; exit 1; }
echo "metrics and collectors answer"
