#!/bin/sh
# The guest's half under NixOS, as a service of systemd: unpacks the seed and becomes the agent (guest/agent/agent.c).
#
# The seed is a cpio archive as a disk: the instance's files, and /etc/blixard/start where the VM has a command. Where it has none, the
# system itself is what the VM lives for: it ends when it is asked to.
seed=$BLIXARD_SEED
if [ "$(head -c 6 "$seed")" = 070701 ]; then
  # Names and identity are NixOS's own business.
  (cd / && cpio --extract --make-directories --unconditional --quiet --nonmatching \
    etc/hostname etc/hosts etc/machine-id <"$seed")
else
  echo "blixard: there is no seed on $seed" >&2
fi
if [ -e /etc/blixard/start ]; then
  exec "$BLIXARD_AGENT" auto /bin/sh /etc/blixard/start
fi
exec "$BLIXARD_AGENT" auto /bin/sh -c 'trap "exit 0" TERM; sleep infinity & wait'
