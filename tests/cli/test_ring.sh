#!/bin/sh
# test_ring.sh - the metrics ring under load: 10 s under ThreadSanitizer, 1 s in other builds.
build=${SFT_BUILD:-build/release}
[ -x "$build/tests/stress/ring_stress" ] || { echo "$build/tests/stress/ring_stress is not built"; exit 77; }
seconds=1
case $build in */tsan) seconds=10 ;; esac
exec "$build/tests/stress/ring_stress" $seconds
