#!/usr/bin/env bash
# install.sh DIR: Debian trixie's Swift at DIR, as a root to bind or chroot into (run.sh). Does nothing
# where DIR is complete. Any user; apt resolves and verifies, tar unpacks: no debootstrap, mount or maintainer script.
set -euo pipefail
die() { echo "swift-toolchain: $*" >&2; exit 1; }
[ $# -eq 1 ] || die "usage: install.sh DIR"
RECIPE=1                                                       # raise it when what is installed changes
PKGS=(swiftlang libc6-dev libstdc++-14-dev git ca-certificates)
DROP=(swift/lib/swift_static swift/lib/swift/embedded swift/lib/liblldb\* swift/lib/libLTO\* swift/bin/lldb\*
  swift/bin/clangd swift/bin/sourcekit-lsp)                    # 0.9 GB that neither builds nor tests need
NEED_MB=3500
mkdir -p "$(dirname "$1")"; DIR=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
complete() { [ "$(cat "$DIR/.swift-toolchain" 2>/dev/null)" = "$RECIPE" ]; }
complete && exit 0
exec 9>"$DIR.lock"; flock 9; complete && exit 0                # of two callers the second waits, and finds it done
free=$(df -BM --output=avail "$(dirname "$DIR")" | tail -1 | tr -dc 0-9)
[ "$free" -ge "$NEED_MB" ] || die "$free MB free at $(dirname "$DIR"), $NEED_MB needed"
key=/usr/share/keyrings/debian-archive-keyring.gpg; [ -r "$key" ] || die "needs package debian-archive-keyring"
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |
  sed -nE '/^#/d; s#.*(https?://[^ ]+/debian)/?( .*)?$#\1#p' | sed -n 1p)       # the one that this machine's apt uses
mirror=${SWIFT_DEBIAN_MIRROR:-$mirror}; [ -n "$mirror" ] || die "no Debian mirror in apt's sources: set SWIFT_DEBIAN_MIRROR"
T=$DIR.partial A=$DIR.apt
trap 'rm -rf "$T" "$A"' EXIT
rm -rf "$T" "$A"; mkdir -p "$T" "$A"/{etc,lists/partial,archives/partial}; : >"$A/status"
echo "deb [signed-by=$key] $mirror trixie main" >"$A/etc/sources.list"
apt() {
  apt-get -q -o Dir::Etc="$A/etc" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$A" -o Dir::State::status="$A/status" \
    -o Dir::Cache="$A" -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Retries=3 "$@" >>"$DIR.log" 2>&1 ||
    { tail -20 "$DIR.log" >&2; die "apt-get failed ($DIR.log)"; }
}
: >"$DIR.log"; apt update
apt install -y --no-install-recommends --download-only '?essential' "${PKGS[@]}"
unpack() { dpkg --fsys-tarfile "$1" | tar -x -C "$T" --keep-directory-symlink --no-same-owner \
  --exclude='./usr/share/man/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' \
  "${DROP[@]/#/--exclude=./usr/libexec/}"; }
unpack "$A"/archives/base-files_*.deb                          # first: it makes /bin -> usr/bin and the like
for deb in "$A"/archives/*.deb; do unpack "$deb"; done
mkdir -p "$T"/{mnt,etc/ssl/certs}; cp /etc/passwd /etc/group "$T/etc/"
cat "$T"/usr/share/ca-certificates/mozilla/*.crt >"$T/etc/ssl/certs/ca-certificates.crt"
echo "$RECIPE" >"$T/.swift-toolchain"
chmod -R u+w "$DIR" 2>/dev/null || true; rm -rf "$DIR"; mv "$T" "$DIR"
echo "swift-toolchain: $DIR, $(du -sh "$DIR" | cut -f1)"
