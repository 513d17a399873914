#!/bin/sh
# The instance has made secrets of its own, and only root reads them.
set -eu

sudo test -s /etc/hello-web/token
if cat /etc/hello-web/token 2>/dev/null; then
    echo "everybody reads the token"
    exit 1
fi
token=$(sudo cat /etc/hello-web/token)
# cloud-init has brought Python along; curl is not in the image.
python3 - "$token" <<'EOF_PYTHON'
import base64, sys, urllib.request
login = base64.b64encode(f"metrics:{sys.argv[1]}".encode()).decode()
request = urllib.request.Request("http://127.0.0.1/metrics", headers={"Authorization": f"Basic {login}"})
assert b"node_cpu_seconds_total" in urllib.request.urlopen(request, timeout=30).read()
EOF_PYTHON
echo "metrics open with the instance's own token"
