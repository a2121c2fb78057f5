#!/usr/bin/env bash
# test.sh [ARGS...]: the format of the Swift package's sources and examples, and its tests, by `swift test ARGS`. At the root of the
# checkout, where `swift` is on the path: on a Mac, or by run.sh.
set -euo pipefail
export FLEET_TOKEN_LIB_DIR=${FLEET_TOKEN_LIB_DIR:-$PWD/bindings/generated/testing/lib}
swift format lint --strict --recursive --configuration bindings/swift/.swift-format bindings/swift examples/consumer Package.swift
exec swift test "$@"
