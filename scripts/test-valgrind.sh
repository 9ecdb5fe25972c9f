#!/usr/bin/env bash
# The native code without Node under valgrind, which tells of memory that is read before it was
# written, and of memory that nobody gave back: each input that the fuzzer kept, once.
# Needs: apt-get install valgrind clang libclang-rt-14-dev
set -euo pipefail
cd "$(dirname "$0")/.."
work=build-valgrind
mkdir -p "$work"
clang=$(command -v clang++ || command -v clang++-14) || { echo 'apt-get install clang'; exit 1; }
flags=(-std=gnu++20 -O1 -gdwarf-4 -fno-exceptions -fno-rtti -DNAPI_VERSION=9 -DNEARMETAL_SEAM=1
  -D_GNU_SOURCE -Inative -isystem node_modules/node-api-headers/include)
# Seven hundred numbers take longer to make than everything else.
mapfile -t sources < <(grep '^native/' native/SOURCES | grep -v '/constants.cc')
sources+=(test/fuzz/{node,kernel,replay,calls,queue}.cc)
object() { echo "$work/${1//\//-}.o"; }
export -f object
export work
printf '%s\n' "${sources[@]}" |
  xargs -P 2 -I{} bash -c '"$0" "${@:2}" -c "$1" -o "$(object "$1")"' "$clang" {} "${flags[@]}"
common=()
for source in "${sources[@]}"; do
  case $source in */calls.cc | */queue.cc) ;; *) common+=("$(object "$source")") ;; esac
done
for target in calls queue; do
  # Of Node, watchers need more than there is, and no target calls them.
  "$clang" -no-pie -Wl,--unresolved-symbols=ignore-all "${common[@]}" \
    "$(object "test/fuzz/$target.cc")" -ldl -o "$work/$target"
  echo "$target:"
  valgrind --quiet --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite \
    "$work/$target" test/fuzz/corpus/"$target"/*
done
