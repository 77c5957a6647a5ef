#!/bin/sh
# test_fuzz.sh - every fuzz target for a short while, on its own fixed stream of inputs.
set -u
found=77
for program in "${SFT_BUILD:-build/release}"/tests/fuzz/fuzz_*; do
    case $program in *.o | *.d | *\*) continue ;; esac
    "$program" 2000 || exit 1
    found=0
done
exit $found
