#!/bin/sh
# Has each instance make its own secrets when it first starts; the image holds none.
set -eu

nginx -t
# The packages have enabled their own services.
systemctl enable hello-web-first-boot.service
