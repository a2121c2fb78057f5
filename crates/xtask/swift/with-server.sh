#!/usr/bin/env bash
# with-server.sh FLEET_TOKEN CMD...: runs CMD while the program FLEET_TOKEN serves the token backend and the emulated
# Fleet Engine on this machine's loopback. CMD finds them by FLEET_TOKEN_BACKEND and FLEET_TOKEN_ENGINE, two URLs.
# Outside of the toolchain's namespace, whose C library is not the one that the program was built for.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: with-server.sh FLEET_TOKEN CMD..." >&2; exit 2; }
program=$1; shift
# Short lives, so that a test sees several tokens follow each other within seconds.
coproc server { exec "$program" serve --token-lifetime 8; }
pid=$server_PID
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true' EXIT
while [ -z "${FLEET_TOKEN_BACKEND:-}" ] || [ -z "${FLEET_TOKEN_ENGINE:-}" ]; do
  IFS= read -r -t 60 line <&"${server[0]}" || { echo "with-server.sh: $program serve said no address" >&2; exit 1; }
  read -r a b c _ <<<"$line" || true
  case "$a $b" in
    "token backend") export FLEET_TOKEN_BACKEND=$c ;;
    "Fleet Engine") export FLEET_TOKEN_ENGINE=$c ;;
  esac
done
# What else it says goes nowhere, lest it wait for a reader.
cat <&"${server[0]}" >/dev/null &
"$@" </dev/null
