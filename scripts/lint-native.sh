#!/usr/bin/env bash
# clang-tidy over every source that CMake knows, with the flags it is compiled with.
set -euo pipefail
cd "$(dirname "$0")/.."
tidy=$(command -v clang-tidy || true)
if [ -z "$tidy" ]; then
  echo 'clang-tidy is missing: apt-get install clang-tidy' >&2
  exit 1
fi
CONFIGURE_ONLY=1 bash scripts/build-cmake.sh build-cmake
grep -hv '^#' native/SOURCES native/SOURCES.seam |
  xargs -P "$(nproc)" -n 1 "$tidy" --quiet -p build-cmake 2> >(grep -v 'warnings generated' >&2)
