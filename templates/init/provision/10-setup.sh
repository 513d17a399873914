#!/bin/sh
# Runs once, as root, when the image is baked. Everything it leaves behind is in every buyer's
# instance: no secrets here, and none made here. What must differ between instances is made at
# their first boot.
set -eu

printf '<!doctype html>\n<title>It works</title>\n<h1>It works</h1>\n' > /var/www/html/index.html
