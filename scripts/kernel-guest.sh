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
#   GUEST_NODE [node]      the node program put into the guest
#   GUEST_PROGRAMS []      more programs of this machine, with their libraries
#   GUEST_FILES []         more files or folders, at the same path
#   GUEST_MODULES []       kernel modules to load, "veth dm-flakey"; what they need follows
#   GUEST_APPEND []        more of the kernel's command line
#   GUEST_QEMU []          more arguments of qemu
#   GUEST_OUT []           a folder that receives what the guest leaves in /case/guest-out
#   GUEST_FLAVOUR [cloud-amd64]  of Debian's kernels: cloud-amd64, amd64 or rt-amd64
#   GUEST_CACHE [nearmetal-guests in the temporary folder]  kernels and root images, ~250 MB each
#   GUEST_VERBOSE [0]      1: the console to standard error
#   GUEST_NICE [5]         how far behind the other programs of this machine
#
# Needs: apt-get install qemu-system-x86 busybox-static kmod e2fsprogs
set -euo pipefail

die() {
  echo "kernel-guest: $*" >&2
  exit 125
}
[ $# -ge 3 ] || { sed -n '2,/^set/p' "$0" | grep '^#' | cut -c3- >&2; exit 125; }
kernel=$1 folder=$2
shift 2
command=$*
: "${GUEST_TIMEOUT:=180}" "${GUEST_CPUS:=4}" "${GUEST_NODES:=2}" "${GUEST_MEMORY:=2048}"
: "${GUEST_HUGE2M:=64}" "${GUEST_HUGE1G:=0}" "${GUEST_SCRATCH:=256}" "${GUEST_POLL_QUEUES:=0}"
: "${GUEST_NODE:=$(command -v node)}" "${GUEST_PROGRAMS:=}" "${GUEST_FILES:=}" "${GUEST_OUT:=}"
: "${GUEST_MODULES:=}" "${GUEST_APPEND:=}" "${GUEST_QEMU:=}" "${GUEST_NUMA:=}"
: "${GUEST_FLAVOUR:=cloud-amd64}" "${GUEST_VERBOSE:=0}" "${GUEST_NICE:=5}"
: "${GUEST_CACHE:=${TMPDIR:-/tmp}/nearmetal-guests}"
PATH=$PATH:/usr/sbin:/sbin
busybox=/bin/busybox
for tool in qemu-system-x86_64 mke2fs debugfs depmod dpkg-deb; do
  command -v $tool >/dev/null ||
    die "needs $tool (apt-get install qemu-system-x86 e2fsprogs kmod)"
done
file -L $busybox 2>/dev/null | grep -q static || die 'needs apt-get install busybox-static file'
[ -d "$folder" ] || die "no folder $folder"
mkdir -p "$GUEST_CACHE"
run=$(mktemp -d "$GUEST_CACHE/run.XXXXXX")
trap 'rm -rf "$run"' EXIT

# --- 1. The kernel, out of every Debian suite that this machine's own mirror carries ------------

# apt with lists of its own: the system's sources stay as they are.
apt_here() {
  local program=$1
  shift
  "$program" -o Dir::Etc::sourcelist="$GUEST_CACHE/apt/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$GUEST_CACHE/apt/lists" \
    -o Dir::Cache="$GUEST_CACHE/apt/cache" -o APT::Sandbox::User=root "$@"
}

refresh_lists() {
  [ -z "$(find "$GUEST_CACHE/apt/.updated" -mmin -1440 2>/dev/null)" ] || return 0
  local debian suite key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  debian=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
    grep -E '/debian/?$' | head -1 | sed -E 's#/debian/?$##')
  [ -n "$debian" ] || { echo 'kernel-guest: apt has no Debian source here' >&2; return 1; }
  mkdir -p "$GUEST_CACHE"/apt/lists/partial "$GUEST_CACHE"/apt/cache/archives/partial
  {
    for suite in bullseye bookworm bookworm-backports trixie trixie-backports sid; do
      echo "deb $key $debian/debian $suite main"
    done
    for suite in bullseye bookworm trixie; do
      echo "deb $key $debian/debian-security $suite-security main"
    done
  } > "$GUEST_CACHE/apt/sources.list"
  apt_here apt-get -qq update >&2 || echo 'kernel-guest: apt update was not complete' >&2
  touch "$GUEST_CACHE/apt/.updated"
}

# Downloads the newest kernel whose version starts with $1; prints the package files.
download() {
  refresh_lists
  local package names name
  local shape="^linux-image-[0-9.]+(\+[a-z0-9.]+|-0\.[a-z0-9.]+|-[0-9]+)?-$GUEST_FLAVOUR\$"
  package=$(apt_here apt-cache search --names-only \
    "^linux-image-${1//./\\.}[.+-].*$GUEST_FLAVOUR\$" |
    awk '{print $1}' | grep -E "$shape" | sort -V | tail -1)
  [ -n "$package" ] || { echo "kernel-guest: Debian has no kernel $1" >&2; return 1; }
  mkdir -p "$GUEST_CACHE/debs"
  cd "$GUEST_CACHE/debs"
  # Since 7.2 the kernel and its modules are packages that the image package depends on.
  names="$package $(apt_here apt-cache depends "$package" |
    sed -n 's/.*Depends: \(linux-\(binary\|modules\|base\)-.*\)/\1/p')"
  # shellcheck disable=SC2086
  apt_here apt-get -qq download $names >&2
  for name in $names; do ls -t "$GUEST_CACHE/debs/$name"_*.deb | head -1; done
}

# unpack FOLDER PACKAGES...: vmlinuz, modules and version.
unpack() {
  local to=$1 package image version
  shift
  rm -rf "$to"
  mkdir -p "$to/x"
  for package in "$@"; do dpkg-deb -x "$package" "$to/x"; done
  image=$(ls "$to"/x/boot/vmlinuz-* "$to"/x/usr/lib/modules/*/vmlinuz 2>/dev/null | head -1 || true)
  [ -n "$image" ] || { echo "kernel-guest: no vmlinuz in $*" >&2; return 1; }
  case $image in
    */boot/*) version=${image##*/vmlinuz-} ;;
    *) version=$(basename "$(dirname "$image")") ;;
  esac
  mv "$image" "$to/vmlinuz"
  if [ ! -d "$to/x/lib/modules" ] && [ -d "$to/x/usr/lib/modules" ]; then
    mkdir -p "$to/x/lib"
    mv "$to/x/usr/lib/modules" "$to/x/lib/"
  fi
  if [ -d "$to/x/lib/modules/$version" ]; then
    depmod -b "$to/x" "$version" 2>/dev/null
  else
    echo "kernel-guest: the modules of $version are gone: built-in drivers only" >&2
  fi
  echo "$version" > "$to/version"
  touch "$to/ok"
}

(
  flock 9
  if [ -f "$kernel" ]; then
    key=$(basename "$kernel" .deb)
    packages=$(realpath "$kernel")
  else
    key=$kernel-$GUEST_FLAVOUR
    [ -e "$GUEST_CACHE/kernel/$key/ok" ] || packages=$(download "$kernel")
  fi
  # shellcheck disable=SC2086
  [ -e "$GUEST_CACHE/kernel/$key/ok" ] || unpack "$GUEST_CACHE/kernel/$key" $packages
  echo "$GUEST_CACHE/kernel/$key" > "$run/kernel"
) 9> "$GUEST_CACHE/.lock" || die 'no kernel'
unpacked=$(cat "$run/kernel")
version=$(cat "$unpacked/version")

# copy_modules TARGET MODULES...: with what they need, in the order to load, listed in TARGET/list.
copy_modules() {
  local target=$1 module path name
  shift
  mkdir -p "$target"
  : > "$target/list"
  for module in "$@"; do
    modprobe -d "$unpacked/x" -S "$version" --show-depends "$module" 2>/dev/null |
      awk '$1 == "insmod" {print $2}' || echo "missing $module"
  done | awk '!seen[$0]++' | while read -r path; do
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

init_of_root() {
  cat <<'INIT'
#!/bin/busybox sh
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 TERM=dumb
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mkdir -p /dev/pts /dev/shm /dev/hugepages
mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /root
mount -t hugetlbfs hugetlbfs /dev/hugepages; mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
ln -sf /proc/self/fd /dev/fd; ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout; ln -sf /proc/self/fd/2 /dev/stderr
ip link set lo up; hostname guest; ulimit -c 0
mount -t ext4 -o ro "$(findfs LABEL=guest-set)" /guest
mount -t ext4 -o noatime "$(findfs LABEL=guest-work)" /case || echo "EXIT 125 mount" > /dev/ttyS2
for m in $(cat /guest/modules/list); do
  insmod "/guest/modules/$m" || echo "kernel-guest: module $m did not load" > /dev/ttyS1
done
for n in /sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages; do
  cat /guest/huge2m > $n
done
stty -F /dev/ttyS1 raw -echo; stty -F /dev/ttyS2 raw -echo
echo "UP $(cut -d' ' -f1 /proc/uptime)" > /dev/ttyS2
cd /case
env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 TERM=dumb \
  setsid bash /guest/command < /dev/null > /dev/ttyS1 2>&1
status=$?
cd /; sync
echo "EXIT $status $(cut -d' ' -f1 /proc/uptime)" > /dev/ttyS2
umount /case 2>/dev/null || mount -o remount,ro /case 2>/dev/null
sleep 0.2; reboot -f
INIT
}

# copy_program PROGRAM TARGET: at TARGET of the root image, with the libraries it loads.
copy_program() {
  local program=$1 target=$2 name=${2##*/} library
  rm -f "$root"/{bin,sbin,usr/bin,usr/sbin}/"$name"
  mkdir -p "$root/$(dirname "$target")"
  cp -L "$program" "$root/$target"
  [ -e "$root/bin/$name" ] || ln -s "$target" "$root/bin/$name"
  libraries_of "$program" | while read -r library; do copy_library "$library"; done
}

# A script, or a program that is not dynamic, simply has none.
libraries_of() {
  { ldd "$@" 2>/dev/null || true; } | grep -oE '/[^ ]+' | grep -v ':$' | sort -u || true
}

copy_library() {
  mkdir -p "$root/$(dirname "$1")"
  [ -e "$root/$1" ] || cp -L "$1" "$root/$1"
}

# make_root FILE PROGRAMS...
make_root() {
  local to=$1 applet program path
  shift
  root=$run/root
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,usr/lib,lib64,lib,proc,sys,dev,tmp,run,case,guest}
  mkdir -p "$root"/{etc,root,mnt,var/tmp}
  ln -s /run "$root/var/run"
  cp $busybox "$root/bin/busybox"
  "$root/bin/busybox" --list-full | grep -v '^bin/busybox$' | while read -r applet; do
    mkdir -p "$root/$(dirname "$applet")"
    ln -sf /bin/busybox "$root/$applet"
  done
  for program in "$@"; do
    if [ "$program" = "$GUEST_NODE" ]; then
      copy_program "$program" /usr/bin/node
    else
      copy_program "$program" "$program"
    fi
  done
  for path in $addon_libraries; do copy_library "$path"; done
  # busybox as sh would prefer its own applets to the programs copied in.
  ln -sf /usr/bin/bash "$root/bin/sh"
  for path in /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/x86_64-linux-gnu/libgcc_s.so.1; do
    [ ! -e $path ] || copy_library $path
  done
  for path in $GUEST_FILES; do
    mkdir -p "$root/$(dirname "$path")"
    cp -aL "$path" "$root/$(dirname "$path")/"
  done
  printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534:nobody:/:/bin/sh \
    > "$root/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: > "$root/etc/group"
  echo '127.0.0.1 localhost' > "$root/etc/hosts"
  init_of_root > "$root/guest-init"
  chmod +x "$root/guest-init"
  mke2fs -q -t ext4 -L guest-root -O ^has_journal -m 0 -d "$root" -F "$run/root.img" \
    "$(($(du -sm "$root" | cut -f1) * 11 / 10 + 48))M" >/dev/null
  mv "$run/root.img" "$to"
  rm -rf "$root"
}

for program in $GUEST_PROGRAMS; do
  command -v "$program" >/dev/null || die "no program $program"
done
mapfile -t addons < <(find "$folder" -name '*.node' -not -path '*musl*')
addon_libraries=$([ ${#addons[@]} = 0 ] || libraries_of "${addons[@]}" | grep -v '\.node$' || true)
# shellcheck disable=SC2086
programs="$GUEST_NODE $(command -v bash setpriv prlimit taskset unshare timeout numactl strace ip \
  $GUEST_PROGRAMS 2>/dev/null | tr '\n' ' ' || true)"
# shellcheck disable=SC2086
identity=$({
  sed -n '/^# --- 2/,/^# --- 3/p' "$0"
  stat -Lc '%n %s %Y' $programs $GUEST_FILES $addon_libraries
} 2>/dev/null | sha256sum | cut -c1-16)
root_image=$GUEST_CACHE/root-$identity.ext4
# shellcheck disable=SC2086
[ -e "$root_image" ] || make_root "$root_image" $programs

# --- 3. The work image (the folder), the settings and the first program of the kernel -----------

image_size() { echo "$(($(du -sm "$1" | cut -f1) * 12 / 10 + $2))M"; }

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
cp $busybox "$first/bin/busybox"
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
append='console=ttyS0 panic=-1 quiet loglevel=4 mitigations=off nokaslr tsc=unstable'
# A busy machine makes its timers look broken, and its CPUs locked up.
append+=' no_timer_check watchdog_thresh=60'
append+=" random.trust_cpu=on nvme.poll_queues=$GUEST_POLL_QUEUES"
[ "$GUEST_HUGE1G" = 0 ] || append+=" hugepagesz=1G hugepages=$GUEST_HUGE1G hugepagesz=2M"
append+=" $GUEST_APPEND"

# The serial lines go to files: nothing the guest prints is lost, or reaches our own terminal.
serial=()
followers=()
for name in console out status; do
  : > "$run/$name"
  serial+=(-chardev "file,id=$name,path=$run/$name" -serial "chardev:$name")
done
tail -c +1 -f "$run/out" &
followers+=($!)
if [ "$GUEST_VERBOSE" = 1 ]; then
  tail -c +1 -f "$run/console" >&2 &
  followers+=($!)
fi
status=0
# shellcheck disable=SC2086
timeout -k 5 "$GUEST_TIMEOUT" nice -n "$GUEST_NICE" qemu-system-x86_64 \
  -machine pc -accel tcg,thread=multi,tb-size=256 -cpu max -m "$GUEST_MEMORY" \
  -smp "$GUEST_CPUS,sockets=$GUEST_NODES,cores=$each,threads=1" "${numa[@]}" \
  -nodefaults -display none -no-reboot -net none \
  -kernel "$unpacked/vmlinuz" -initrd "$run/first.cpio" -append "$append" \
  -device nvme,serial=guest,id=nv \
  -drive "file=$root_image,format=raw,if=none,id=root,snapshot=on" \
  -device nvme-ns,drive=root,nsid=1,bus=nv \
  -drive "file=$run/work.ext4,format=raw,if=none,id=work,cache=unsafe,discard=unmap" \
  -device nvme-ns,drive=work,nsid=2,bus=nv \
  -drive "file=$run/set.ext4,format=raw,if=none,id=set,cache=unsafe" \
  -device nvme-ns,drive=set,nsid=3,bus=nv \
  -object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-pci,rng=rng0 \
  "${serial[@]}" $GUEST_QEMU > "$run/qemu" 2>&1 < /dev/null || status=$?
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
