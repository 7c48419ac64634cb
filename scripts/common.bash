# What the scripts share; sourced, not run.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

note() {
  printf '%s\n' "$*" >&2
}

# Compilers of CAF and template code take up to 1.5 GiB each.
jobs() {
  local cores memory
  cores="$(nproc)"
  memory="$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo)"
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# Runs a step whose output matters only when it fails: kept in a log, or shown as it comes on a terminal if $1 is "live".
step() {
  local kind="$1" name="$2"
  shift 2
  mkdir -p build/log
  local log="build/log/$name.log"
  if [[ "$kind" == live && -t 1 ]]; then
    "$@" || fail "$name failed"
  elif ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "$name failed; the whole output is in $log"
  fi
}

# configure PRESET
configure() {
  local launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  step quiet "configure-$1" cmake --preset "$1" "${launcher[@]}"
}

# build PRESET [TARGET...]
build() {
  local preset="$1"
  shift
  local targets=()
  if (($# > 0)); then
    targets=(--target "$@")
  fi
  step live "build-$preset" cmake --build "build/$preset" --parallel "$(jobs)" "${targets[@]}"
}
