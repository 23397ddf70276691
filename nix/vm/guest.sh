#!/bin/sh
# The guest's half under NixOS: what guest/init.sh does in the project's own image, as a service of systemd.
#
# The seed is a cpio archive as a disk: /etc/blixard/start and the instance's files. The host is told, a word a line, over the
# virtio port where the machine has one: `booted`, `beat` each second, `exit STATUS`; it says `stop`.
seed=$BLIXARD_SEED
if [ "$(head -c 6 "$seed")" = 070701 ]; then
  # Names and identity are NixOS's own business.
  (cd / && cpio --extract --make-directories --unconditional --quiet --nonmatching \
    etc/hostname etc/hosts etc/machine-id <"$seed")
else
  echo "blixard: there is no seed on $seed" >&2
fi

service=
if [ -e /etc/blixard/start ]; then
  setsid sh /etc/blixard/start </dev/null &
  service=$!
fi

port=/dev/virtio-ports/blixard
tries=0
while [ ! -c "$port" ] && [ "$tries" -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
if [ -c "$port" ]; then
  exec 3<>"$port"
  echo booted >&3
  (
    while :; do
      echo beat >&3
      word=
      # Only bash and busybox read with a limit in time.
      read -r -t 1 word <&3
      [ "$word" = stop ] || continue
      if [ -n "$service" ]; then kill -TERM "-$service" || kill -TERM "$service"; else systemctl reboot; fi 2>/dev/null
    done
  ) &
fi

# Without a command of the VM's own, the system is what runs.
[ -n "$service" ] || exec sleep infinity
wait "$service"
status=$?
[ -c "$port" ] && echo "exit $status" >&3
exit "$status"
