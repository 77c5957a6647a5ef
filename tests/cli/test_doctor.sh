#!/bin/sh
# test_doctor.sh - `sft doctor` says what is so: kernels and libraries as asked for in the environment,
# what of it was set aside, and a refusal where it cannot be. Its speeds are not tested: they are
# the machine's.
. tests/cli/lib.sh

ok json "$SFT" doctor --json
[ "$(wc -l <"$T/json.out")" = 1 ] || fail "doctor --json printed more than one line"
for key in version cpu cores kernels kernel_set huge_pages peak_gflops share_of_peak advice; do
    [ -n "$(json "$key" "$T/json.out")" ] || fail "doctor --json has no $key"
done

ok plain env SFT_KERNELS=plain SFT_BLAS=none "$SFT" doctor --json
same "kernels" plain "$(json kernels "$T/plain.out")"
same "kernel set" plain "$(json kernel_set "$T/plain.out")"
same "BLAS" false "$(json used "$T/plain.out")"

ok text env TERM=vt100 LC_ALL=C NO_COLOR=1 OPENBLAS_L2_SIZE=77 "$SFT" doctor
for line in "Type *vt100" "not UTF-8" "NO_COLOR" "Share of the peak" "SQLite *3" "What to do"; do
    grep -q "$line" "$T/text.out" || fail "doctor does not say: $line"
done
if grep -q "Library" "$T/text.out"; then
    grep -q "Environment *OPENBLAS_L2_SIZE=77" "$T/text.out" || fail "doctor hides what it set aside"
fi
awk 'length > 100 && !/^  the products reach/' "$T/text.out" | grep . && fail "a line is too long"

refused 2 "SFT_KERNELS=sse9.*plain" kernels env SFT_KERNELS=sse9 "$SFT" doctor
refused 2 "SFT_BLAS.*none" library env SFT_BLAS=/no/such/library "$SFT" doctor
refused 2 "no argument" argument "$SFT" doctor everything

# Who computes the products is said as it is.
if [ "$(json kernels "$T/json.out")" = avx512 ]; then
    ok own "$SFT" doctor
    grep -q "Serves *no product" "$T/own.out" || grep -q "Not in use" "$T/own.out" ||
        fail "doctor says that BLAS serves where ours does"
fi
