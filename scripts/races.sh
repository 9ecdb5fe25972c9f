#!/usr/bin/env bash
# The structures of shared memory, as C has them, between threads under ThreadSanitizer:
# races.sh [FOLDER], of their sources. What test/shared/races.test.ts runs.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
"${CC:-gcc}" -O1 -g -fsanitize=thread -Wall -Wextra -Werror -pthread \
  -o "$program" "${1:-bench/reference}/races.c"
# Where addresses are too random for the sanitizer's map of them, it refuses to begin.
fixed=()
! setarch -R true 2>/dev/null || fixed=(setarch -R)
TSAN_OPTIONS="halt_on_error=1:${TSAN_OPTIONS:-}" "${fixed[@]}" "$program"
