#!/bin/sh
# Called by udhcpc: puts a lease into force and writes it down for init.
[ "$1" = bound ] || exit 0
: "${ip:?}" "${mask:?}" "${interface:?}" "${router:=}" "${dns:=}"
ip addr add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "${router%% *}"
: >/etc/resolv.conf
for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
printf 'ip=%s router="%s" dns="%s"\n' "$ip" "$router" "$dns" >/lease
