#!/usr/bin/env bash
# Tests with the addon built under ThreadSanitizer: test-tsan.sh [PART...], by default where threads
# meet in native code. Node itself is not instrumented, and what is found in it alone is left out.
# The sanitizer delivers signals late, and few programs but Node can start under it: a test that
# needs these fails here.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/build-cmake.sh build-tsan thread
node scripts/ensure-built.mjs
rm -rf build-tsan/reports
mkdir -p build-tsan/reports
[ $# -gt 0 ] || set -- test/promises/{02,12,18} test/ring/wake-up test/shared/channel
status=0
options=ignore_noninstrumented_modules=1:log_path=$PWD/build-tsan/reports/of
# Where addresses are too random for the sanitizer's map of them, it refuses to begin.
fixed=()
! setarch -R true 2>/dev/null || fixed=(setarch -R)
NEARMETAL_ADDON="$PWD/build-tsan/nearmetal_seam.node" \
NEARMETAL_SANITIZED=1 \
TSAN_OPTIONS="$options:${TSAN_OPTIONS:-}" \
LD_PRELOAD="$(realpath "$(gcc -print-file-name=libtsan.so)")" \
  "${fixed[@]}" node node_modules/vitest/vitest.mjs run "$@" || status=$?
for report in build-tsan/reports/*; do
  [ -e "$report" ] || break
  cat "$report"
  status=1
done
exit "$status"
