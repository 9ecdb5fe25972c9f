#!/usr/bin/env bash
# The second build: build-cmake.sh FOLDER [SANITIZERS], for example build-asan 'address;undefined'.
# With CONFIGURE_ONLY=1 it ends once compile_commands.json is written.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
sanitizers=${2:-}
kind=Release
[ -z "$sanitizers" ] || kind=RelWithDebInfo
node_modules/.bin/cmake-js configure --log-level warn --out "$folder" --config "$kind" \
  --CDNEARMETAL_SANITIZE="$sanitizers" --CDNEARMETAL_WERROR="${NEARMETAL_WERROR:-OFF}" >/dev/null
[ -z "${CONFIGURE_ONLY:-}" ] || exit 0
cmake --build "$folder" --parallel
