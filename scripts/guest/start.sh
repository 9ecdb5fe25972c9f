# Sourced by kernel-guest.sh and process-guest.sh: what both begin with, and how a folder and
# modules come to a guest.

me=$(basename "$0" .sh)
die() {
  echo "$me: $*" >&2
  exit 125
}
[ $# -ge 3 ] || { sed -n '2,/^set/p' "$0" | grep '^#' | cut -c3- >&2; exit 125; }
kernel=$1 folder=$2
shift 2
command=$*
: "${GUEST_CACHE:=${TMPDIR:-/tmp}/nearmetal-guests}" "${GUEST_NICE:=5}"
PATH=$PATH:/usr/sbin:/sbin
[ -d "$folder" ] || die "no folder $folder"
mkdir -p "$GUEST_CACHE"
run=$(mktemp -d "$GUEST_CACHE/run.XXXXXX")

# image_size FOLDER MIB: of a file system that has the folder and so much more.
image_size() { echo "$(($(du -sm "$1" | cut -f1) * 12 / 10 + $2))M"; }

# module_files ROOT VERSION MODULES...: with what they need, in the order to load. A module that is
# built in has none; "missing NAME" where there is neither.
module_files() {
  local root=$1 version=$2 module
  shift 2
  for module in "$@"; do
    modprobe -d "$root" -S "$version" --show-depends "$module" 2>/dev/null |
      awk '$1 == "insmod" {print $2}' || echo "missing $module"
  done | awk '!seen[$0]++'
}
