# Sourced by process-guest.sh after debian.sh: a kernel that is a program (user-mode Linux), as
# Debian has it, or built of Debian's source where there is none of that version.

# Drivers that tests need, in the kernel itself: of all others it does without.
BUILT_IN='VETH NET_SCH_NETEM BLK_DEV_LOOP BLK_DEV_DM DM_FLAKEY TUN TLS VSOCKETS FUSE_FS OVERLAY_FS'

# find_user_mode KERNEL: prints the program.
find_user_mode() {
  local to=$GUEST_CACHE/user-mode/$1 version
  if [ -x "$1" ] && [ -f "$1" ]; then
    realpath "$1"
    return
  fi
  if [ ! -e "$to/ok" ]; then
    refresh_lists
    rm -rf "$to"
    mkdir -p "$to"
    version=$(apt_here apt-cache madison user-mode-linux | awk '{print $3}' |
      grep "^${1//./\\.}um" | sort -V | tail -1)
    if [ -n "$version" ]; then
      unpack_user_mode "$version" "$to"
    else
      build_user_mode "$1" "$to" || return 1
    fi
    touch "$to/ok"
  fi
  echo "$to/usr/bin/linux.uml"
}

# unpack_user_mode VERSION FOLDER: Debian's package.
unpack_user_mode() {
  local to=$2 version libraries
  dpkg-deb -x "$(download "user-mode-linux=$1")" "$to"
  # One that was built for a younger Debian than this brings its C library.
  if ! "$to/usr/bin/linux.uml" --version > /dev/null 2>&1; then
    dpkg-deb -x "$(download libc6)" "$to"
    libraries=$to/usr/lib/x86_64-linux-gnu
    patchelf --set-interpreter "$libraries/ld-linux-x86-64.so.2" --set-rpath "$libraries" \
      "$to/usr/bin/linux.uml"
  fi
  version=$("$to/usr/bin/linux.uml" --version)
  # Where modprobe looks for them.
  mkdir -p "$to/lib"
  ln -s ../usr/lib/uml/modules "$to/lib/modules"
  depmod -b "$to" "$version"
}

# build_user_mode KERNEL FOLDER: of the source, configured as a package of Debian is.
build_user_mode() {
  local to=$2 source driver tool
  for tool in gcc make flex bison bc xz; do
    command -v "$tool" >/dev/null ||
      { echo "$me: needs $tool (apt-get install gcc make flex bison bc xz-utils)" >&2; return 1; }
  done
  source=$(download "linux-source-$1")
  [ -n "$source" ] ||
    { echo "$me: Debian has neither user-mode-linux nor linux-source $1" >&2; return 1; }
  echo "$me: builds Linux $1, which takes ten minutes" >&2
  mkdir "$to/build"
  dpkg-deb --fsys-tarfile "$source" | tar -x -O "./usr/src/linux-source-$1.tar.xz" |
    tar -x -J -C "$to/build" --strip-components=1
  dpkg-deb --fsys-tarfile "$(download user-mode-linux)" |
    tar -x -O ./usr/share/doc/user-mode-linux/config.gz | gzip -dc |
    sed -E '/=m$/d; /DEBUG_INFO/d' > "$to/build/.config"
  for driver in $BUILT_IN; do echo "CONFIG_$driver=y"; done >> "$to/build/.config"
  echo CONFIG_DEBUG_INFO_NONE=y >> "$to/build/.config"
  make -s -C "$to/build" ARCH=um olddefconfig >&2
  nice -n "$GUEST_NICE" make -s -C "$to/build" ARCH=um "-j$(nproc)" linux >&2 || return 1
  mkdir -p "$to/usr/bin"
  mv "$to/build/linux" "$to/usr/bin/linux.uml"
  rm -rf "$to/build"
}
