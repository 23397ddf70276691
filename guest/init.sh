#!/bin/sh
# The guest's init: loads the drivers, brings the network up, runs the service, tells the host how it goes.
#
# The host talks to it over a virtio serial port (docs/guest-agent.md). Of that protocol this script itself can carry the words of
# version 0, one a line: it says `booted`, `beat` each second, `exit STATUS` when the service has ended, and obeys `stop`, which ends the
# service and with it the guest. A guest lives exactly as long as its service; starting it again is the business of the node.
#
# What differs between instances is laid over the image as a second archive: /etc/blixard/start, /etc/hostname and the
# instance's own files.
#
# Under pure emulation a new process costs about 10 ms, so this uses the shell's own words wherever it can.
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /tmp

while read -r module; do
  insmod "/lib/modules/$module.ko"
done </etc/blixard/modules
[ -e /etc/blixard/balloon ] && insmod /lib/modules/virtio_balloon.ko
# Which disk got which letter is chance; its serial number is its name. Elsewhere udev makes these links.
if [ -e /etc/blixard/disks ]; then
  insmod /lib/modules/virtio_blk.ko
  mkdir -p /dev/disk/by-id
  for disk in /sys/block/vd*; do
    read -r serial <"$disk/serial"
    ln -s "/dev/${disk##*/}" "/dev/disk/by-id/virtio-$serial"
  done
fi

[ -e /etc/hostname ] && read -r name </etc/hostname && echo "$name" >/proc/sys/kernel/hostname

ip link set lo up
# QEMU's user-mode network always has these addresses.
join_user_network() {
  ip addr add 10.0.2.15/24 dev "$1"
  way="10.0.2.2 dev $1"
}
way=
ask=
if [ -e /etc/blixard/networks ]; then
  # Which card got which number is chance; its hardware's address says which it is. Elsewhere cloud-init does this.
  found_way=
  while read -r card mac address gateway; do
    for found in /sys/class/net/*; do
      read -r own <"$found/address"
      [ "$own" = "$mac" ] || continue
      ip link set "${found##*/}" name "$card"
      ip link set "$card" up
      case $address in
        user) join_user_network "$card" ;;
        -) ask="$ask $card" ;;
        *) ip addr add "$address" dev "$card" ;;
      esac
      [ "$gateway" = - ] || found_way="$gateway dev $card"
      break
    done
  done </etc/blixard/networks
  way=${found_way:-$way}
else
  ip link set eth0 up
  join_user_network eth0
fi
# shellcheck disable=SC2086
[ -z "$way" ] || ip route add default via $way
# shellcheck disable=SC2086
[ -z "$ask" ] || /etc/blixard/dhcp ask $ask

if [ -e /etc/blixard/start ]; then start=/etc/blixard/start; else start=/etc/blixard/default-start; fi

# The agent becomes init, and starts the service itself (guest/agent/). An image that was built without a C compiler has none; the rest of
# this script then speaks protocol 0.
[ -x /bin/blixard-agent ] && exec /bin/blixard-agent auto /bin/sh "$start"

# The kernel announces the port a moment after its driver is loaded.
port=
tries=0
while [ -z "$port" ] && [ "$tries" -lt 500 ]; do
  for found in /dev/vport*p1; do
    [ -c "$found" ] && port=$found
  done
  [ -n "$port" ] || usleep 10000
  tries=$((tries + 1))
done

setsid sh "$start" </dev/null &
service=$!

if [ -n "$port" ]; then
  exec 3<>"$port"
  echo booted >&3
  # One loop without a child process, for a process costs. While no node listens, the port has neither room nor words:
  # the write waits until one does.
  (
    while :; do
      echo beat >&3
      # A service that is only just starting has no group of its own yet.
      read -r -t 1 word <&3 && [ "$word" = stop ] && { kill -TERM "-$service" || kill -TERM "$service"; } 2>/dev/null
    done
  ) &
else
  echo "blixard: this machine has no port to its host" >&2
fi

wait "$service"
status=$?
# A host that is not listening must not keep a dead guest: the write may wait for it, the end of the guest does not.
if [ -n "$port" ]; then
  echo "exit $status" >&3 &
  report=$!
  (usleep 500000; kill "$report" 2>/dev/null) &
  wait "$report"
fi
echo "blixard: the service ended with status $status"
reboot -f
