# Sourced by both kinds of guests: packages of every Debian suite that this machine's own mirror
# carries, for the guest's processor, and the kernel out of them.

# apt with lists and a view of what is installed of its own: the system's stay as they are.
lists=$GUEST_CACHE/apt
[ "$GUEST_ARCH" = amd64 ] || lists=$GUEST_CACHE/apt-$GUEST_ARCH
mkdir -p "$lists"/lists/partial "$lists"/cache/archives/partial
: > "$lists/status"
apt_here() {
  local program=$1
  shift
  "$program" -o Dir::Etc::sourcelist="$lists/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$lists/lists" \
    -o Dir::Cache="$lists/cache" -o Dir::State::status="$lists/status" \
    -o APT::Architecture="$GUEST_ARCH" -o APT::Architectures="$GUEST_ARCH" \
    -o APT::Sandbox::User=root "$@"
}

refresh_lists() {
  [ -z "$(find "$lists/.updated" -mmin -1440 2>/dev/null)" ] || return 0
  local debian suite key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  debian=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
    grep -E '/debian/?$' | head -1 | sed -E 's#/debian/?$##')
  [ -n "$debian" ] || { echo "$me: apt has no Debian source here" >&2; return 1; }
  {
    for suite in bullseye bookworm bookworm-backports trixie trixie-backports sid; do
      echo "deb $key $debian/debian $suite main"
    done
    for suite in bullseye bookworm trixie; do
      echo "deb $key $debian/debian-security $suite-security main"
    done
  } > "$lists/sources.list"
  apt_here apt-get -qq update >&2 || echo "$me: apt update was not complete" >&2
  touch "$lists/.updated"
}

# download NAMES...: prints the package files; a name may be NAME=VERSION.
download() {
  local name version
  mkdir -p "$GUEST_CACHE/debs"
  (cd "$GUEST_CACHE/debs" && apt_here apt-get -qq download "$@" >&2)
  for name in "$@"; do
    version='*'
    [[ $name != *=* ]] || version=${name#*=}
    # shellcheck disable=SC2086
    ls -t "$GUEST_CACHE/debs/${name%%=*}"_$version"_"{"$GUEST_ARCH",all}.deb 2>/dev/null |
      head -1 || true
  done
}

# Downloads the newest kernel whose version starts with $1; prints the package files.
download_kernel() {
  refresh_lists
  local package
  local shape="^linux-image-[0-9.]+(\+[a-z0-9.]+|-0\.[a-z0-9.]+|-[0-9]+)?-$GUEST_FLAVOUR\$"
  package=$(apt_here apt-cache search --names-only \
    "^linux-image-${1//./\\.}[.+-].*$GUEST_FLAVOUR\$" |
    awk '{print $1}' | grep -E "$shape" | sort -V | tail -1)
  [ -n "$package" ] || { echo "$me: Debian has no kernel $1" >&2; return 1; }
  # Since 7.2 the kernel and its modules are packages that the image package depends on.
  # shellcheck disable=SC2046
  download "$package" $(apt_here apt-cache depends "$package" |
    sed -n 's/.*Depends: \(linux-\(binary\|modules\|base\)-.*\)/\1/p')
}

# unpack FOLDER PACKAGES...: vmlinuz, modules and version.
unpack() {
  local to=$1 package image version
  shift
  rm -rf "$to"
  mkdir -p "$to/x"
  for package in "$@"; do dpkg-deb -x "$package" "$to/x"; done
  image=$(ls "$to"/x/boot/vmlinuz-* "$to"/x/usr/lib/modules/*/vmlinuz 2>/dev/null | head -1 || true)
  [ -n "$image" ] || { echo "$me: no vmlinuz in $*" >&2; return 1; }
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
    echo "$me: the modules of $version are gone: built-in drivers only" >&2
  fi
  echo "$version" > "$to/version"
  touch "$to/ok"
}

# find_kernel KERNEL: prints the folder that it is unpacked in.
find_kernel() {
  local key packages=
  if [ -f "$1" ]; then
    key=$(basename "$1" .deb)
    packages=$(realpath "$1")
  else
    key=$1-$GUEST_FLAVOUR
    [ -e "$GUEST_CACHE/kernel/$key/ok" ] || packages=$(download_kernel "$1")
  fi
  # shellcheck disable=SC2086
  [ -e "$GUEST_CACHE/kernel/$key/ok" ] || unpack "$GUEST_CACHE/kernel/$key" $packages
  echo "$GUEST_CACHE/kernel/$key"
}

# find_system: unpacks what a guest of another processor runs; prints the folder.
find_system() {
  local to=$GUEST_CACHE/system-$GUEST_ARCH package
  if [ ! -e "$to/ok" ]; then
    refresh_lists
    apt_here apt-get -qq -y --no-install-recommends --download-only \
      -o APT::Default-Release=bookworm install busybox-static bash coreutils libstdc++6 \
      util-linux strace iproute2 numactl >&2
    rm -rf "$to"
    mkdir -p "$to"/usr/{bin,sbin,lib}
    for package in bin sbin lib; do ln -s "usr/$package" "$to/$package"; done
    for package in "$lists"/cache/archives/*.deb; do
      dpkg-deb --fsys-tarfile "$package" | tar -x -C "$to" --keep-directory-symlink
    done
    rm -rf "$to"/usr/share "$to"/usr/lib/*/{gconv,perl-base}
    touch "$to/ok"
  fi
  echo "$to"
}
