#!/bin/sh
# The service of an instance that names no command: one page on port 80, so that there is something to see.
mkdir -p /www
[ -e /www/index.html ] || echo "<!doctype html><title>$BLIXARD_VM</title><h1>$BLIXARD_VM</h1><p>Served by a Blixard microVM: $(hostname)." >/www/index.html
exec httpd -f -p 80 -h /www
