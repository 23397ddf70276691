#!/bin/sh
# What the guard runs for a VM of microvm.nix: its runner's scripts, in the order in which the units of microvm.nix start them.
#
#   run-machine.sh RUNNER FOLDER      in the instance's folder; everything in the runner is relative to FOLDER in it
#
# The guard is given its text, since its user may have no way to this file.
#
# It becomes the hypervisor, so the guard watches the hypervisor itself. What is started beside it is in its process group and ends
# with it; the daemons of virtiofsd-run, to which supervisord gives groups of their own, end when the hypervisor's connection does. Interfaces are taken down by the node, which also knows of those that a dead node left.
set -u
runner=$1
# Not by the path from the root, which a user of its own has no way along.
cd -P "$2" || exit 1

# A leftover of the same name would make the new one fail; microvm.nix removes it itself, for taps only.
for step in tap macvtap; do
  [ -x "$runner/bin/$step-up" ] || continue
  "$runner/bin/$step-up" || {
    echo "blixard: $step-up failed with status $?" >&2
    exit 1
  }
done

if [ -x "$runner/bin/virtiofsd-run" ]; then
  "$runner/bin/virtiofsd-run" &
  daemon=$!
  for socket in "$runner"/share/microvm/virtiofs/*/socket; do
    read -r path <"$socket"
    tries=0
    while [ ! -S "$path" ]; do
      kill -0 "$daemon" 2>/dev/null && [ "$tries" -lt 200 ] || {
        echo "blixard: virtiofsd did not open $path" >&2
        exit 1
      }
      tries=$((tries + 1))
      sleep 0.05
    done
  done
fi

exec "$runner/bin/microvm-run"
