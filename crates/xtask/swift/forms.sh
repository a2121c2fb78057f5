#!/usr/bin/env bash
# forms.sh: whether SwiftPM reads each form of Package.swift, and each holds what it should. At the root of the checkout,
# where `swift` is on the path: on a Mac, or by run.sh; with `cargo xtask bindings --shipped` done. Builds nothing.
set -euo pipefail
die() { echo "Package.swift, $form: $*" >&2; exit 1; }
# A form is read with its variables alone. Its text must match (+) or must not match (-) each pattern.
check() {
  form=$1; shift
  local variables=() json
  while [ $# -gt 0 ] && [[ $1 == *=* ]]; do variables+=("$1"); shift; done
  json=$(env -u FLEET_TOKEN_LIB_DIR -u FLEET_TOKEN_XCFRAMEWORK -u FLEET_TOKEN_BINDINGS ${variables[@]+"${variables[@]}"} \
    swift package dump-package | tr -d ' \n') || die "SwiftPM cannot read it"
  for pattern; do
    case $pattern in
      +*) [[ $json == *"${pattern:1}"* ]] || die "${pattern:1} is missing" ;;
      -*) [[ $json != *"${pattern:1}"* ]] || die "${pattern:1} does not belong there" ;;
    esac
  done
  echo "Package.swift, $form: ok"
}
product='"targets":["FleetToken"],"type":{"library"'
privacy='PrivacyInfo.xcprivacy'
# A dependency may not have unsafe flags, and an app gets none of the tests.
apps=("+$product" "+$privacy" -unsafeFlags -GoogleRidesharing -Tests '+bindings/generated/shipped/' -bindings/generated/testing)
check development FLEET_TOKEN_LIB_DIR=/lib "+$product" "+$privacy" +unsafeFlags +GoogleRidesharing +AdapterTests \
  +bindings/generated/testing/ '-"type":"binary"'
check "this checkout" FLEET_TOKEN_LIB_DIR=/bindings/generated/shipped/lib "+$product" "+$privacy" -GoogleRidesharing \
  -Tests -warnings-as-errors '+bindings/generated/shipped/' -bindings/generated/testing '-"type":"binary"'
check "local XCFramework" FLEET_TOKEN_XCFRAMEWORK=target/dist/apple/fleet_tokenFFI.xcframework "${apps[@]}" \
  '+"path":"target/dist/apple/fleet_tokenFFI.xcframework"' '+"type":"binary"' '-"checksum"'
check release "${apps[@]}" '+"url":"https:' '+"checksum":"' '+"type":"binary"'
# A package that uses this checkout finds the product. Loads its graph, and compiles nothing.
for form in bindings/swift/Example bindings/swift/Benchmarks examples/consumer; do
  FLEET_TOKEN_LIB_DIR=$PWD/bindings/generated/shipped/lib swift package --package-path "$form" \
    --scratch-path ".build/$(basename "$form")-graph" show-dependencies >/dev/null || die "SwiftPM cannot resolve it"
  echo "Package.swift, $form: ok"
done
