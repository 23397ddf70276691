#!/bin/sh
# Says who serves the page, then serves it: with busybox, which every guest has, or with what the host has.
set -eu
www=$BLIXARD_ROOT/srv/www
printf '{"vm":"%s","instance":"%s","node":"%s","startedAtS":%s}\n' \
  "$BLIXARD_VM" "$BLIXARD_INSTANCE" "$BLIXARD_NODE" "$(date +%s)" >"$www/instance.json"
echo "serving $www on port $BLIXARD_PORT_80"
if command -v busybox >/dev/null && busybox --list | grep -qx httpd; then
  exec busybox httpd -f -p "$BLIXARD_PORT_80" -h "$www"
fi
exec python3 -m http.server --directory "$www" "$BLIXARD_PORT_80"
