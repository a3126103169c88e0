#!/bin/sh
# The first process of the stand-in for Talos: takes a lease, registers at the machine API of siderolink.api= and powers off.
# With lab.stay on the kernel command line it stays registered until the API refuses it. Without a shell: nobody logs in.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
while read -r module; do insmod "/modules/$module"; done </modules/order

uptime() { cut -d' ' -f1 /proc/uptime; }
say() { echo "LAB $(uptime) $*"; }

# The value of an argument on the kernel command line; the last one counts.
argument() { tr ' ' '\n' </proc/cmdline | sed -n "s|^$1=||p" | tail -n1; }

decode() { printf '%b' "$(echo "$1" | sed 's/\\/\\\\/g; s/+/ /g; s/%\([0-9A-Fa-f][0-9A-Fa-f]\)/\\x\1/g')"; }

# A busybox without shared libraries looks up names with nslookup only.
address_of() {
    case $1 in
        *[!0-9.]*) nslookup -type=a "$1" | sed -n '/^Name:/,$s/^Address: *//p' | head -n1 ;;
        *) echo "$1" ;;
    esac
}

# post PATH: sends standard input to the machine API. `status` and `answer` (its last line) are what it said.
# By nc, since the wget of this busybox crashes.
post() {
    body=$(cat)
    length=$(printf '%s\n' "$body" | wc -c)
    {
        printf 'POST %s HTTP/1.0\r\nHost: %s\r\n' "$1" "$api"
        printf 'Content-Type: text/plain\r\nContent-Length: %s\r\n\r\n' "$length"
        echo "$body"
    } | nc -w 10 "$(address_of "$host")" "$port" >/answer 2>/dev/null
    status=$(head -n1 /answer | cut -d' ' -f2)
    answer=$(tail -n1 /answer | tr -d '\r')
}

registration() {
    cat <<BODY
token=$token
uuid=$uuid
mac=$mac
address=${ip:-}
router=${router:-}
dns=${dns:-}
uptime=$(uptime)
talos_version=$(cat /talos-version 2>/dev/null)
cmdline=$(cat /proc/cmdline)
BODY
}

join() {
    for try in 1 2 3 4 5; do
        post /lab/join <<BODY
$(registration)
BODY
        case $status in
            200) say "joined $host $uuid"; return 0 ;;
            403) say "refused: $answer"; return 1 ;;
        esac
        say "no answer from $api to try $try: ${status:-nothing}"
        sleep 1
    done
    return 1
}

stay() {
    while sleep 5; do
        post /lab/seen <<BODY
uuid=$uuid
token=$token
BODY
        [ "$status" != 403 ] || { say "refused: $answer"; return; }
    done
}

say "this is the lab's stand-in for Talos, not Talos"
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -s /bin/lease -t 10 -T 2 -n -q -f >/dev/null 2>&1 || say "no lease"
[ ! -e /lease ] || . /lease
say "address ${ip:-none} router ${router:-none} dns ${dns:-none}"

link=$(argument siderolink.api)
api=$(echo "$link" | sed 's|^[a-z]*://||; s|[/?].*||')
host=${api%:*}
port=${api##*:}
token=$(decode "$(echo "$link" | sed -n 's/.*[?&]jointoken=\([^&]*\).*/\1/p')")
uuid=$(tr A-F a-f </sys/class/dmi/id/product_uuid)
mac=$(cat /sys/class/net/eth0/address)

if [ -z "$api" ]; then
    say "no siderolink.api on the kernel command line"
elif join && tr ' ' '\n' </proc/cmdline | grep -q -x lab.stay; then
    stay
fi
poweroff -f
