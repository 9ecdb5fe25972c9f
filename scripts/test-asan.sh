#!/usr/bin/env bash
# The tests with the addon built under AddressSanitizer and UBSan. Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/.."
npm run --silent build:asan
node scripts/ensure-built.mjs
# Node itself is not instrumented, so the sanitizer's runtime is loaded first; V8 keeps what leak
# checking would report, and leak.test.ts looks at descriptors and mappings itself. A SIGBUS is left
# to the kernel: one test looks for it.
NEARMETAL_ADDON="$PWD/build-asan/nearmetal_seam.node" \
NEARMETAL_SANITIZED=1 \
ASAN_OPTIONS="detect_leaks=0:handle_sigbus=0:${ASAN_OPTIONS:-}" \
UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}" \
LD_PRELOAD="$(realpath "$(gcc -print-file-name=libasan.so)")" \
  node node_modules/vitest/vitest.mjs run "$@"
