#!/usr/bin/env bash
# run.sh DIR PROJECT CMD...: runs CMD with the toolchain DIR (read-only), PROJECT bound at its own path.
# As root, or as any user where user namespaces are allowed. The mounts sit in a private namespace and die with it.
# CMD sees the variables FLEET_TOKEN_* of the caller and no others; files that it writes get out only from PROJECT.
set -euo pipefail
DIR=$(realpath "$1"); PROJECT=$(realpath "$2"); shift 2
export SWIFT_HOME=${SWIFT_HOME:-$PROJECT/.build/home}          # where Swift keeps its caches
export FLEET_TOKEN_LIB_DIR=${FLEET_TOKEN_LIB_DIR-$PROJECT/bindings/generated/testing/lib}   # empty: without
mkdir -p "$SWIFT_HOME"
user=(); [ "$(id -u)" -eq 0 ] || user=(--user --map-root-user)
exec unshare "${user[@]}" --mount --propagation private -- bash -euc '
  dir=$1 project=$2; shift 2
  new=$dir/mnt                                     # an empty folder of every Debian root
  mount -t tmpfs -o mode=755 tmpfs "$new"
  for d in usr etc var; do
    mkdir "$new/$d"; mount --bind "$dir/$d" "$new/$d"
    mount -o remount,bind,ro "$new/$d" 2>/dev/null || true
  done
  cp -P "$dir"/bin "$dir"/sbin "$dir"/lib "$dir"/lib64 "$new/"
  mkdir -m 1777 "$new/tmp"; mkdir "$new/dev" "$new/proc"
  mount --rbind /dev "$new/dev"; mount --rbind /proc "$new/proc"
  mkdir -p "$new$project"; mount --bind "$project" "$new$project"
  ours=(); for name in $(compgen -e FLEET_TOKEN_); do ours+=("$name=${!name}"); done
  exec chroot "$new" /usr/bin/env -i PATH=/usr/libexec/swift/bin:/usr/bin LANG=C.UTF-8 TERM="${TERM:-dumb}" \
    HOME="$SWIFT_HOME" "${ours[@]}" /bin/sh -c "cd \"\$0\" && exec \"\$@\"" "$project" "$@"
' bash "$DIR" "$PROJECT" "$@"
