#!/usr/bin/env bash
# with-server.sh FLEET_TOKEN CMD...: runs CMD while the program FLEET_TOKEN serves the token backend and the emulated
# Fleet Engine on this machine's loopback. CMD finds them by FLEET_TOKEN_BACKEND and FLEET_TOKEN_ENGINE, two URLs.
# Outside of the toolchain's namespace, whose C library is not the one that the program was built for.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: with-server.sh FLEET_TOKEN CMD..." >&2; exit 2; }
program=$1; shift
said=$(mktemp)
# Short lives, so that a test sees several tokens follow each other within seconds.
"$program" serve --token-lifetime 8 >"$said" </dev/null &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$said"' EXIT
url() { sed -n "s|^$1  *\(http://[^ ]*\).*|\1|p" "$said"; }
for _ in $(seq 600); do
  FLEET_TOKEN_BACKEND=$(url 'token backend') FLEET_TOKEN_ENGINE=$(url 'Fleet Engine')
  [ -z "$FLEET_TOKEN_BACKEND" ] || [ -z "$FLEET_TOKEN_ENGINE" ] || break
  kill -0 "$server" 2>/dev/null || { echo "with-server.sh: $program serve has ended" >&2; exit 1; }
  sleep 0.1
done
export FLEET_TOKEN_BACKEND FLEET_TOKEN_ENGINE
"$@" </dev/null
