# Sourced by kernel-guest.sh: the guest's root image, of busybox, bash, node and the programs.

init_of_root() {
  sed -e "s/@OUT@/$out_line/g" -e "s/@STATUS@/$status_line/g" <<'INIT'
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
mount -t ext4 -o noatime "$(findfs LABEL=guest-work)" /case || echo "EXIT 125 mount" > /dev/@STATUS@
for m in $(cat /guest/modules/list); do
  insmod "/guest/modules/$m" || echo "kernel-guest: module $m did not load" > /dev/@OUT@
done
for n in /sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages; do
  [ ! -e $n ] || cat /guest/huge2m > $n
done
stty -F /dev/@OUT@ raw -echo; stty -F /dev/@STATUS@ raw -echo
echo "UP $(cut -d' ' -f1 /proc/uptime)" > /dev/@STATUS@
cd /case
env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 TERM=dumb \
  setsid bash /guest/command < /dev/null > /dev/@OUT@ 2>&1
status=$?
cd /; sync
echo "EXIT $status $(cut -d' ' -f1 /proc/uptime)" > /dev/@STATUS@
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

# A script, or a program that is not dynamic, or not of this processor, simply has none.
libraries_of() {
  { ldd "$@" 2>/dev/null || true; } | grep -oE '/[^ ]+' | grep -v ':$' | sort -u || true
}

copy_library() {
  mkdir -p "$root/$(dirname "$1")"
  [ -e "$root/$1" ] || cp -L "$1" "$root/$1"
}

# Of this machine's own programs.
fill_from_here() {
  local program path
  for program in $programs; do copy_program "$program" "$program"; done
  for path in $addon_libraries; do copy_library "$path"; done
  # busybox as sh would prefer its own applets to the programs copied in.
  ln -sf /usr/bin/bash "$root/bin/sh"
  for path in /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/x86_64-linux-gnu/libgcc_s.so.1; do
    [ ! -e $path ] || copy_library $path
  done
}

# Of Debian's packages for the guest's processor.
fill_from_system() {
  cp -a "$system/." "$root/"
  rm -f "$root/ok"
  ln -sf bash "$root/bin/sh"
}

# make_root FILE
make_root() {
  local to=$1 applet path
  root=$run/root
  mkdir -p "$root"
  [ -z "$system" ] || fill_from_system
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,usr/lib,lib64,lib,proc,sys,dev,tmp,run,case,guest}
  mkdir -p "$root"/{etc,root,mnt,var/tmp}
  ln -sfn /run "$root/var/run"
  cp "$guest_busybox" "$root/bin/busybox"
  $busybox --list-full | grep -v '^bin/busybox$' | while read -r applet; do
    [ -e "$root/$applet" ] || [ -e "$root/usr/$applet" ] || {
      mkdir -p "$root/$(dirname "$applet")"
      ln -sf /bin/busybox "$root/$applet"
    }
  done
  [ -n "$system" ] || fill_from_here
  copy_program "$GUEST_NODE" /usr/bin/node
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
