#!/usr/bin/env bash
# Starts another Linux kernel as a process of this machine (user-mode Linux), in a second, and runs
# one command in it at nearly this machine's speed. It has one CPU, one NUMA node, no hugepages and
# no devices: for those see kernel-guest.sh.
#
#   scripts/process-guest.sh KERNEL FOLDER COMMAND...
#
#   KERNEL   "5.10", "6.1", "6.12", "7.2": one of Debian's user-mode-linux packages; "7.3", one that
#            Debian has the source of: it is built, once; or a program that is such a kernel
#   FOLDER   the guest works on a copy of it, on a disk of its own; all else that it sees are this
#            machine's files, which it cannot write to
#   COMMAND  runs there as root, in that folder, by bash
#
# What the command prints comes to our standard output. Status: the command's own; 124 past
# GUEST_TIMEOUT; 125 when it could not be set up or no status came back: then the end of the
# kernel's console goes to standard error.
#
# Settings, all environment variables (defaults in brackets):
#   GUEST_TIMEOUT [600]  seconds          GUEST_MEMORY [3072]  MiB
#   GUEST_SCRATCH [800]  free MiB on the disk
#   GUEST_MODULES [ipv6 veth sch_netem loop dm-flakey]  loaded at first, with what they need
#   GUEST_CACHE [nearmetal-guests in the temporary folder]
#   GUEST_NICE [5]       how far behind the other programs of this machine
#
# Needs: apt-get install e2fsprogs iproute2 kmod patchelf procps; to build one, also
#        gcc make flex bison bc xz-utils
set -euo pipefail

parts=$(cd "$(dirname "$0")/guest" && pwd)
. "$parts/start.sh"
# It begins a session of its own, and has a process for each of its processes.
stop() {
  pkill -KILL -f "uml_dir=$run " || true
  rm -rf "$run"
}
trap stop EXIT
: "${GUEST_TIMEOUT:=600}" "${GUEST_MEMORY:=3072}" "${GUEST_SCRATCH:=800}"
: "${GUEST_MODULES:=ipv6 veth sch_netem loop dm-flakey}"
GUEST_ARCH=amd64
. "$parts/debian.sh"
. "$parts/user-mode.sh"

for tool in mke2fs dpkg-deb ip modprobe patchelf pkill; do
  command -v "$tool" >/dev/null ||
    die "needs $tool (apt-get install e2fsprogs iproute2 kmod patchelf procps)"
done
exec 9> "$GUEST_CACHE/.lock"
flock 9
program=$(find_user_mode "$kernel") || die 'no kernel'
exec 9>&-

mke2fs -q -t ext4 -m 0 -F -d "$folder" "$run/work.ext4" \
  "$(image_size "$folder" "$GUEST_SCRATCH")" >/dev/null
printf '%s\n' "$command" > "$run/command"
# Of a module that is missing its kernel does without.
# shellcheck disable=SC2086
module_files "${program%/usr/bin/*}" "$("$program" --version)" $GUEST_MODULES |
  sed '/^missing/d' > "$run/modules"

# The console of a user-mode kernel is its standard input and output; a serial line brings what the
# command prints, byte by byte.
cat > "$run/init" <<'INIT'
#!/bin/bash
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp LANG=C.UTF-8 TERM=dumb
run=${BASH_SOURCE[0]%/*}
command=$(cat "$run/command")
while read -r module; do insmod "$module"; done < "$run/modules"
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt; mkdir /mnt/case; mount -t ext4 -o noatime /dev/ubda /mnt/case
mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -t tmpfs tmpfs /tmp
ln -sfn /proc/self/fd /dev/fd; ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout; ln -sf /proc/self/fd/2 /dev/stderr
ip link set lo up; hostname guest; ulimit -c 0; ulimit -n 65536
stty -F /dev/ttyS0 raw -echo
cd /mnt/case
exec > /dev/ttyS0 2>&1 < /dev/null
setsid bash -c "$command"
printf '\nGUEST-STATUS %s\n' $?
sleep 0.2
cd /; umount /mnt/case
echo o > /proc/sysrq-trigger
sleep 10
INIT
chmod +x "$run/init"

mkfifo "$run/in" "$run/out"
# Both ends of the line stay open, or the kernel would give it up; and it makes its own not block.
exec 7<> "$run/in" 8<> "$run/out" 9<> "$run/out"
nice -n "$GUEST_NICE" timeout -k 5 "$GUEST_TIMEOUT" "$program" \
  "mem=${GUEST_MEMORY}M" "uml_dir=$run" rootfstype=hostfs rootflags=/ ro \
  "init=$run/init" "ubd0=$run/work.ext4" con=null con0=null,fd:1 ssl0=fd:7,fd:8 panic=1 \
  < /dev/null > "$run/console" 2>&1 &
guest=$!
disown
(
  while kill -0 "$guest" 2>/dev/null; do sleep 0.5; done
  printf '\nGUEST-GONE\n' >&9
) &

status=125
while IFS= read -r line <&9; do
  case $line in
    GUEST-STATUS*) status=${line##* }; break ;;
    GUEST-GONE) break ;;
    *) printf '%s\n' "$line" ;;
  esac
done
if [ "$status" = 125 ]; then
  # Gone by itself or by the limit: as it had no time left, or lost its footing before.
  [ "$SECONDS" -lt "$GUEST_TIMEOUT" ] || status=124
  tail -30 "$run/console" >&2
fi
exit "$status"
