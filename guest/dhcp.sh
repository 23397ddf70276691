#!/bin/sh
# Addresses by DHCP for the cards that were given none (docs/networks.md): /etc/blixard/dhcp in the guest.
#
#   dhcp ask CARD...    by init: asks for all of them at once, and waits three seconds at most. Who has heard nothing by then goes on asking.
#   dhcp fresh          by the agent in a clone, whose hardware's addresses are others: the client that was saved with it would keep the lease of
#                       the guest it was cloned from. The link is down until the agent has answered, so nobody waits.
#   dhcp EVENT          by udhcpc, with what the server said in variables
#
# The default route and name server that somebody else has given, the spec or the user-mode network, stay.
client() {
  udhcpc -b -i "$1" -p "/run/dhcp-$1" -s /etc/blixard/dhcp -x "hostname:$name" -t 3 -T 1 -A 5 </dev/null >/dev/null 2>&1
}

# It must not say that the lease is over: that is the other guest's.
forget() {
  [ -e "/run/dhcp-$1" ] || return
  read -r number <"/run/dhcp-$1"
  read -r program <"/proc/$number/comm" && [ "$program" = udhcpc ] && kill -9 "$number"
  rm -f "/run/dhcp-$1"
}

take() {
  ip -4 addr flush dev "$interface"
  ip addr add "$ip/${mask:-24}" dev "$interface"
  # shellcheck disable=SC2154
  if [ -n "$router" ] && ! ip route | grep -q "^default "; then ip route add default via "${router%% *}" dev "$interface"; fi
  # shellcheck disable=SC2154
  [ -n "$dns" ] || return
  if [ ! -e /run/dhcp-resolv ]; then
    # The image's own is of use where there is the user-mode network; another was put there by the spec.
    grep -q " user " /etc/blixard/networks && return
    grep -q "^nameserver 10.0.2.3$" /etc/resolv.conf || return
  fi
  : >/run/dhcp-resolv
  for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
}

name=
read -r name </proc/sys/kernel/hostname
case $1 in
  ask)
    shift
    for card; do client "$card" & done
    wait
    ;;
  fresh)
    while read -r card _ address _; do
      [ "$address" = user ] && continue
      forget "$card"
      ip -4 addr show dev "$card" | grep -q " inet " || setsid /etc/blixard/dhcp ask "$card" </dev/null >/dev/null 2>&1 &
    done </etc/blixard/networks
    ;;
  deconfig) ip -4 addr flush dev "$interface" ;;
  bound) take ;;
  renew) ip -4 addr show dev "$interface" | grep -q " $ip/" || take ;;
esac
