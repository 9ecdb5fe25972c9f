#!/usr/bin/env bash
# Boots another Linux kernel in a virtual machine of two NUMA nodes and runs one command there.
#
#   scripts/kernel-guest.sh KERNEL FOLDER COMMAND...
#
#   KERNEL   a linux-image .deb file, or the start of a version that Debian carries ("5.10", "6.1",
#            "6.12", "7.3", ...; the newest match wins)
#   FOLDER   the guest works on a copy of it, at /case
#   COMMAND  runs there as root: cd /case && bash -c COMMAND
#
# Emulated (no KVM needed); what the command prints comes to our standard output, unchanged.
# Status: the command's own; 124 past GUEST_TIMEOUT; 125 when it could not be set up or no status
# came back (a panic): then the end of the kernel's console goes to standard error.
#
# Settings, all environment variables (defaults in brackets):
#   GUEST_TIMEOUT [180]    seconds for boot and run      GUEST_CPUS [4]
#   GUEST_NODES [2]        NUMA nodes                    GUEST_MEMORY [2048]  MiB
#   GUEST_NUMA []          replaces the -numa and -object arguments of qemu (odd machines)
#   GUEST_HUGE2M [64]      2 MiB pages on EACH node      GUEST_HUGE1G [0]     1 GiB pages, in all
#   GUEST_SCRATCH [256]    free MiB at /case             GUEST_POLL_QUEUES [0] of the NVMe disks
#   GUEST_ARCH [amd64]     or arm64: its programs are then Debian's for it, and GUEST_NODE is one
#   GUEST_NODE [node]      the node program put into the guest
#   GUEST_PROGRAMS []      more programs of this machine, with their libraries (amd64)
#   GUEST_FILES []         more files or folders, at the same path
#   GUEST_MODULES []       kernel modules to load, "veth dm-flakey"; what they need follows
#   GUEST_APPEND []        more of the kernel's command line
#   GUEST_QEMU []          more arguments of qemu
#   GUEST_OUT []           a folder that receives what the guest leaves in /case/guest-out
#   GUEST_FLAVOUR [cloud-amd64]  of Debian's kernels: cloud-amd64, amd64 or rt-amd64;
#                          [cloud-arm64] cloud-arm64, arm64, or arm64-16k with its larger pages
#   GUEST_CACHE [nearmetal-guests in the temporary folder]  kernels and root images, ~250 MB each
#   GUEST_VERBOSE [0]      1: the console to standard error
#   GUEST_NICE [5]         how far behind the other programs of this machine
#
# Needs: apt-get install qemu-system-x86 busybox-static kmod e2fsprogs, or qemu-system-arm
set -euo pipefail

parts=$(cd "$(dirname "$0")/guest" && pwd)
. "$parts/start.sh"
trap 'rm -rf "$run"' EXIT
: "${GUEST_TIMEOUT:=180}" "${GUEST_CPUS:=4}" "${GUEST_NODES:=2}" "${GUEST_MEMORY:=2048}"
: "${GUEST_HUGE2M:=64}" "${GUEST_HUGE1G:=0}" "${GUEST_SCRATCH:=256}" "${GUEST_POLL_QUEUES:=0}"
: "${GUEST_NODE:=$(command -v node)}" "${GUEST_PROGRAMS:=}" "${GUEST_FILES:=}" "${GUEST_OUT:=}"
: "${GUEST_MODULES:=}" "${GUEST_APPEND:=}" "${GUEST_QEMU:=}" "${GUEST_NUMA:=}"
: "${GUEST_ARCH:=amd64}" "${GUEST_VERBOSE:=0}"
for part in machine debian root; do . "$parts/$part.sh"; done

busybox=/bin/busybox
for tool in $qemu mke2fs debugfs depmod dpkg-deb; do
  command -v "$tool" >/dev/null || die "needs $tool (apt-get install $qemu_package e2fsprogs kmod)"
done
file -L $busybox 2>/dev/null | grep -q static || die 'needs apt-get install busybox-static file'

# --- 1. The kernel, and the system of a guest that cannot run this machine's programs ------------

exec 9> "$GUEST_CACHE/.lock"
flock 9
unpacked=$(find_kernel "$kernel") || die 'no kernel'
system=
[ "$GUEST_ARCH" = amd64 ] || system=$(find_system) || die "no system for $GUEST_ARCH"
exec 9>&-
version=$(cat "$unpacked/version")
guest_busybox=$busybox
[ -z "$system" ] || guest_busybox=$system/bin/busybox

# copy_modules TARGET MODULES...: with what they need, in the order to load, listed in TARGET/list.
copy_modules() {
  local target=$1 path name
  shift
  mkdir -p "$target"
  : > "$target/list"
  module_files "$unpacked/x" "$version" "$@" | while read -r path; do
    name=$(basename "$path")
    case $path in
      missing*) ;;
      *.xz) name=${name%.xz}; xz -dc "$path" > "$target/$name" ;;
      *.zst) name=${name%.zst}; zstd -qdc "$path" > "$target/$name" ;;
      *) cp "$path" "$target/" ;;
    esac
    echo "$name" >> "$target/list"
  done
}

# --- 2. The root image: busybox, bash, node and the programs, kept by what they are -------------

for program in $GUEST_PROGRAMS; do
  [ -n "$system" ] || command -v "$program" >/dev/null || die "no program $program"
done
mapfile -t addons < <(find "$folder" -name '*.node' -not -path '*musl*')
addon_libraries=$([ ${#addons[@]} = 0 ] || libraries_of "${addons[@]}" | grep -v '\.node$' || true)
# shellcheck disable=SC2086
programs=$(command -v bash setpriv prlimit taskset unshare timeout numactl strace ip \
  $GUEST_PROGRAMS 2>/dev/null | tr '\n' ' ' || true)
# shellcheck disable=SC2086
identity=$({
  cat "$parts/root.sh" "$parts/machine.sh"
  stat -Lc '%n %s %Y' "$GUEST_NODE" $programs $GUEST_FILES $addon_libraries ${system:+"$system"}
} 2>/dev/null | sha256sum | cut -c1-16)
root_image=$GUEST_CACHE/root-$identity.ext4
[ -e "$root_image" ] || make_root "$root_image"

# --- 3. The work image (the folder), the settings and the first program of the kernel -----------

settings=$run/settings
mkdir -p "$settings"
printf '%s\n' "$command" > "$settings/command"
echo "$GUEST_HUGE2M" > "$settings/huge2m"
# shellcheck disable=SC2086
copy_modules "$settings/modules" $GUEST_MODULES
! grep -q '^missing' "$settings/modules/list" || die "$(cat "$settings/modules/list") in $version"
mke2fs -q -t ext4 -L guest-work -m 0 -F -d "$folder" "$run/work.ext4" \
  "$(image_size "$folder" $((GUEST_SCRATCH + 16)))" >/dev/null
mke2fs -q -t ext4 -L guest-set -O ^has_journal -m 0 -F -d "$settings" "$run/set.ext4" \
  "$(image_size "$settings" 8)" >/dev/null

# Disks are found by their label: since 6.12 their numbers follow no fixed order.
first=$run/first
mkdir -p "$first"/{bin,dev,proc,sys,system}
cp "$guest_busybox" "$first/bin/busybox"
copy_modules "$first/modules" nvme ext4 virtio_rng
cat > "$first/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev
while read -r m; do [ ! -e "/modules/$m" ] || $b insmod "/modules/$m"; done < /modules/list
there() { [ -n "$($b findfs "LABEL=$1" 2>/dev/null)" ]; }
n=0
until there guest-root && there guest-work && there guest-set; do
  n=$((n + 1)); [ $n -lt 300 ] || { echo 'guest: no disks'; $b reboot -f; }
  $b usleep 20000
done
$b mount -t ext4 -o ro "$($b findfs LABEL=guest-root)" /system
$b umount /proc /sys; $b mount -o move /dev /system/dev
exec $b switch_root /system /guest-init
INIT
chmod +x "$first/init"
(cd "$first" && find . | $busybox cpio -o -H newc 2>/dev/null) > "$run/first.cpio"

# --- 4. The machine -------------------------------------------------------------------------------

numa=()
each=$((GUEST_CPUS / GUEST_NODES))
if [ -n "$GUEST_NUMA" ]; then
  # shellcheck disable=SC2206
  numa=($GUEST_NUMA)
else
  [ "$each" -ge 1 ] || die 'fewer CPUs than nodes'
  for ((i = 0; i < GUEST_NODES; i++)); do
    last=$((i == GUEST_NODES - 1 ? GUEST_CPUS - 1 : i * each + each - 1))
    numa+=(-object "memory-backend-ram,id=m$i,size=$((GUEST_MEMORY / GUEST_NODES))M"
      -numa "node,nodeid=$i,memdev=m$i,cpus=$((i * each))-$last")
  done
  for ((i = 0; i < GUEST_NODES; i++)); do
    for ((j = i + 1; j < GUEST_NODES; j++)); do numa+=(-numa "dist,src=$i,dst=$j,val=20"); done
  done
fi
append="console=$console_line panic=-1 quiet loglevel=4 mitigations=off nokaslr $boot"
# A busy machine makes its timers look broken, and its CPUs locked up.
append+=' watchdog_thresh=60'
append+=" random.trust_cpu=on nvme.poll_queues=$GUEST_POLL_QUEUES"
[ "$GUEST_HUGE1G" = 0 ] || append+=" hugepagesz=1G hugepages=$GUEST_HUGE1G hugepagesz=2M"
append+=" $GUEST_APPEND"

followers=()
for name in console out status; do : > "$run/$name"; done
tail -c +1 -f "$run/out" &
followers+=($!)
if [ "$GUEST_VERBOSE" = 1 ]; then
  tail -c +1 -f "$run/console" >&2 &
  followers+=($!)
fi
status=0
# shellcheck disable=SC2086
timeout -k 5 "$GUEST_TIMEOUT" nice -n "$GUEST_NICE" "$qemu" "${devices[@]}" "${machine[@]}" \
  -accel tcg,thread=multi,tb-size=256 -m "$GUEST_MEMORY" \
  -smp "$GUEST_CPUS,sockets=$GUEST_NODES,cores=$each,threads=1" "${numa[@]}" \
  -kernel "$unpacked/vmlinuz" -initrd "$run/first.cpio" -append "$append" \
  -device nvme,serial=guest,id=nv \
  -drive "file=$root_image,format=raw,if=none,id=root,snapshot=on" \
  -device nvme-ns,drive=root,nsid=1,bus=nv \
  -drive "file=$run/work.ext4,format=raw,if=none,id=work,cache=unsafe,discard=unmap" \
  -device nvme-ns,drive=work,nsid=2,bus=nv \
  -drive "file=$run/set.ext4,format=raw,if=none,id=set,cache=unsafe" \
  -device nvme-ns,drive=set,nsid=3,bus=nv \
  $GUEST_QEMU > "$run/qemu" 2>&1 < /dev/null || status=$?
sleep 0.3
kill "${followers[@]}" 2>/dev/null
wait "${followers[@]}" 2>/dev/null || true

if [ -n "$GUEST_OUT" ]; then
  mkdir -p "$GUEST_OUT"
  # Into an empty folder: it stops at the first thing that is there already.
  debugfs -R "rdump /guest-out $run" "$run/work.ext4" >/dev/null 2>&1 || true
  [ ! -d "$run/guest-out" ] || cp -r "$run/guest-out/." "$GUEST_OUT/"
fi
ended=$(sed -n 's/^EXIT //p' "$run/status" | tr -d '\r')
if [ -n "$ended" ]; then
  read -r code seconds <<< "$ended"
  echo "kernel-guest: $version ended with $code after $seconds s of its own clock" >&2
  exit "$code"
fi
if [ "$status" = 124 ] || [ "$status" = 137 ]; then
  echo "kernel-guest: past $GUEST_TIMEOUT s" >&2
  tail -n 15 "$run/console" >&2
  exit 124
fi
echo "kernel-guest: no status came back (qemu $status)" >&2
cat "$run/qemu" >&2
tail -n 40 "$run/console" >&2
exit 125
