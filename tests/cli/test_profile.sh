#!/bin/sh
# test_profile.sh - the profile of this machine from outside: made by `sft doctor --measure`, believed
# only where it holds, and what it says is done: a harmful wish of the environment is set aside, a
# library that crashes or is wrong makes no product.
. tests/cli/lib.sh
export XDG_CACHE_HOME="$T/cache"
file="$XDG_CACHE_HOME/sft/kernels.json"
rows 60 1 >"$T/train.csv"

short() { # NAME ENVIRONMENT...: a short training with it
    short_name=$1
    shift
    ok "$short_name" env "$@" "$SFT" train --model "$TINY" --train "$T/train.csv" \
        --out "$T/run-$short_name" --max-steps 2 --json
}

# Nothing measures by itself, and there is nothing to believe.
ok before "$SFT" doctor --json
same "a profile before measuring" false "$(json profile_holds "$T/before.out")"
short plain_start A=b
[ ! -e "$file" ] || fail "a profile appeared without being asked for"

# One made with a wish that would cost most of the speed, where there is an OpenBLAS to wish it of.
have_blas=$(json used "$T/before.out")
ok measured env OPENBLAS_CORETYPE=Prescott "$SFT" doctor --measure --json
[ -s "$file" ] || fail "doctor --measure left no $file"
[ "$(ls -A "$XDG_CACHE_HOME/sft")" = kernels.json ] || fail "more than the profile: $(ls "$XDG_CACHE_HOME/sft")"
same "the profile" true "$(json profile_holds "$T/measured.out")"
grep -q '"name": "the project.s own, [a-z0-9]*", "verdict": "good"' "$T/measured.out" || fail "no row of our own"
if [ "$have_blas" = true ]; then
    grep -q '"name": "OPENBLAS_CORETYPE=Prescott"' "$T/measured.out" || fail "the wish was not measured"
    for kernels in avx512 avx2; do
        [ "$(json kernels "$T/measured.out")" = "$kernels" ] || continue
        same "what was set aside" "OPENBLAS_CORETYPE=Prescott" "$(json overridden "$T/measured.out")"
        grep -q '"asked": true, "harmful": true' "$T/measured.out" || fail "Prescott is said to be harmless"
        short wish SFT_BLAS=system OPENBLAS_CORETYPE=Prescott
        grep -q "OPENBLAS_CORETYPE=Prescott is set aside: .*slower" "$T/wish.err" || fail "not said: $(cat "$T/wish.err")"
        ok predicted env SFT_BLAS=system OPENBLAS_CORETYPE=Prescott "$SFT" predict "$T/run-wish" --text good
        same "what predict says" "1" "$(grep -c '^sft: OPENBLAS_CORETYPE=Prescott is set aside' "$T/predicted.err")"
        # What was not measured is not tried out on the user's run.
        ok unknown env SFT_BLAS=system OPENBLAS_L2_SIZE=77 "$SFT" predict "$T/run-wish" --text good
        grep -q "OPENBLAS_L2_SIZE=77 is set aside: not measured" "$T/unknown.err" || fail "not said: $(cat "$T/unknown.err")"
        # The wish for what is used anyway is none.
        core=$(json core "$T/measured.out")
        ok granted env SFT_BLAS=system OPENBLAS_CORETYPE="$core" "$SFT" predict "$T/run-wish" --text good
        [ ! -s "$T/granted.err" ] || fail "said of a wish that was granted: $(cat "$T/granted.err")"
    done
fi

# A profile that prefers the other maker of products is followed by new runs; a run goes on as it began.
chosen=$(json kernel_set "$T/measured.out")
cp "$file" "$T/kernels.json"
if [ "$have_blas" = true ] && [ "$chosen" = "$(json kernels "$T/measured.out")" ] && grep -q '"verdict": "good"' "$file"; then
    awk '/"product": "OpenBLAS"/ { blas = 1 }
         blas && /"gflops"/ { sub(/: .*/, ": 1000000") } { print }' "$T/kernels.json" >"$file"
    ok other "$SFT" doctor --json
    case $(json kernel_set "$T/other.out") in
    *OpenBLAS*)
        short new_one A=b
        grep -q '"kernel_set": "[a-z0-9]* + OpenBLAS' "$T/run-new_one/run.json" || fail "the profile was not followed"
        cp -r "$T/run-plain_start" "$T/run-again"
        ok resumed "$SFT" train --resume "$T/run-again" --json
        same "the weights of a resumed run" "$(weights "$T/plain_start.out")" "$(weights "$T/resumed.out")"
        ok forced env SFT_BLAS=none "$SFT" doctor --json
        same "SFT_BLAS=none" "$(json kernels "$T/measured.out")" "$(json kernel_set "$T/forced.out")"
        ;;
    *) [ "$(json products_served "$T/other.out")" = 0 ] || fail "the profile was not followed" ;;
    esac
fi

# A file that is broken, or another machine's, is as none; measuring anew replaces it.
not_believed() { # what
    ok doubt "$SFT" doctor --json
    same "$1" false "$(json profile_holds "$T/doubt.out")"
    short "with_$2" A=b
    same "the weights $1" "$(weights "$T/plain_start.out")" "$(weights "$T/with_$2.out")"
}
head -c 100 "$T/kernels.json" >"$file"
not_believed "after half a file" half
sed 's/"signature": [0-9]*/"signature": 1/' "$T/kernels.json" >"$file"
not_believed "of another machine" machine
rm "$file"
mkdir "$file"
not_believed "a directory" directory
rmdir "$file"

# Nowhere to keep it: said, and nothing else is lost.
: >"$T/in_the_way"
refused 1 "in_the_way" nowhere env XDG_CACHE_HOME="$T/in_the_way" LD_LIBRARY_PATH="$T/none" SFT_KERNELS= \
    "$SFT" doctor --measure

# A library whose core types crash, vanish or lie: in children only, and then never.
command -v "${CC:-cc}" >/dev/null || skip "no compiler for the bad library"
"${CC:-cc}" -shared -fPIC -Wno-everything -o "$T/libopenblas.so.0" tests/fixtures/openblas/bad.c 2>/dev/null ||
    "${CC:-cc}" -shared -fPIC -o "$T/libopenblas.so.0" tests/fixtures/openblas/bad.c
ok bad env LD_LIBRARY_PATH="$T" "$SFT" doctor --measure --json
same "the bad library in use" false "$(json used "$T/bad.out")"
grep -q '"verdict": "gave wrong products"' "$T/bad.out" || fail "wrong products were not noticed"
case $(json kernels "$T/bad.out") in
avx*) grep -q '"verdict": "crashed"' "$T/bad.out" || fail "crashes were not noticed" ;;
esac
ok bad_text env LD_LIBRARY_PATH="$T" SFT_BLAS=system "$SFT" doctor
grep -q "OpenBLAS is not loaded: when it was measured" "$T/bad_text.out" || fail "not said why it is not in use"
short with_bad LD_LIBRARY_PATH="$T" SFT_BLAS=system
same "the weights beside a bad library" "$(weights "$T/plain_start.out")" "$(weights "$T/with_bad.out")"
