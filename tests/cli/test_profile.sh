#!/bin/sh
# test_profile.sh - the profile of this machine from outside: made by `sft doctor --measure`,
# believed only where it holds, and what it says is done: a harmful wish of the environment is set
# aside, a library that crashes or is wrong makes no product.
. tests/cli/lib.sh
export XDG_CACHE_HOME="$T/cache"
place="$XDG_CACHE_HOME/sft" file="$XDG_CACHE_HOME/sft/kernels.json"
rows 60 1 >"$T/train.csv"

short() { # NAME [VARIABLE=VALUE...]: two steps in that environment
    short_name=$1
    shift
    ok "$short_name" env "$@" "$SFT" train --model "$TINY" --train "$T/train.csv" \
        --out "$T/run-$short_name" --max-steps 2 --json
}

said() { # PATTERN FILE
    grep -q -- "$1" "$2" || fail "not said: '$1' in: $(head -c 2000 "$2")"
}

kernel_set_of() { # a run
    sed -n 's/.*"kernel_set": *"\([^"]*\)".*/\1/p' "$1/run.json"
}

# Nothing measures by itself, and there is nothing to believe.
ok before "$SFT" doctor --json
same "a profile before measuring" false "$(json profile_holds "$T/before.out")"
short start
absent "$file"
have_blas=$(json used "$T/before.out") kernels=$(json kernels "$T/before.out")

# Made with a wish that would cost most of the speed.
ok measured env OPENBLAS_CORETYPE=Prescott "$SFT" doctor --measure --json
[ -s "$file" ] || fail "doctor --measure left no $file"
same "what is beside the profile" kernels.json "$(ls -A "$place")"
same "the profile" true "$(json profile_holds "$T/measured.out")"
said "\"name\": \"the project's own, $kernels\", \"verdict\": \"good\"" "$T/measured.out"

wishes() { # on a CPU for which Prescott is slow
    said '"name": "OPENBLAS_CORETYPE=Prescott"' "$T/measured.out"
    said '"asked": true, "harmful": true' "$T/measured.out"
    same "set aside" "OPENBLAS_CORETYPE=Prescott" "$(json overridden "$T/measured.out")"
    short wish SFT_BLAS=system OPENBLAS_CORETYPE=Prescott
    said "OPENBLAS_CORETYPE=Prescott is set aside: " "$T/wish.err"
    ok predicted env SFT_BLAS=system OPENBLAS_CORETYPE=Prescott \
        "$SFT" predict "$T/run-wish" --text good
    said "^sft: OPENBLAS_CORETYPE=Prescott is set aside: " "$T/predicted.err"
    same "lines predict says" 1 "$(wc -l <"$T/predicted.err")"
    # What was not measured is not tried out on the user's run.
    ok unknown env SFT_BLAS=system OPENBLAS_L2_SIZE=77 "$SFT" predict "$T/run-wish" --text good
    said "OPENBLAS_L2_SIZE=77 is set aside: not measured" "$T/unknown.err"
    # The wish for what is used anyway is none.
    ok granted env SFT_BLAS=system "OPENBLAS_CORETYPE=$(json core "$T/measured.out")" \
        "$SFT" predict "$T/run-wish" --text good
    [ ! -s "$T/granted.err" ] || fail "said of a wish that was granted: $(cat "$T/granted.err")"
}
case $have_blas,$kernels in true,avx*) wishes ;; esac

# A profile that prefers OpenBLAS is followed by new runs; a run goes on as it began.
prefers_blas() {
    awk '/"product": "OpenBLAS"/ { blas = 1 }
         blas && /"gflops": [1-9]/ { sub(/: .*/, ": 1000000") } { print }' \
        "$T/kernels.json" >"$file"
    short new
    case $(kernel_set_of "$T/run-new") in
    "$kernels + OpenBLAS "*) ;;
    *) fail "the profile was not followed: $(kernel_set_of "$T/run-new")" ;;
    esac
    ok resumed "$SFT" train --resume "$T/run-start" --json
    same "the kernels of a resumed run" "$kernels" "$(kernel_set_of "$T/run-start")"
    same "its weights" "$(weights "$T/start.out")" "$(weights "$T/resumed.out")"
    short forced SFT_BLAS=none
    same "the kernels with SFT_BLAS=none" "$kernels" "$(kernel_set_of "$T/run-forced")"
}
cp "$file" "$T/kernels.json"
if sed -n '/"product": "OpenBLAS"/,$p' "$file" | grep -q '"verdict": "good"' &&
    [ "$(kernel_set_of "$T/run-start")" = "$kernels" ]; then
    prefers_blas
fi

# A file that is broken, or another machine's, is as none.
not_believed() { # what
    ok doubt "$SFT" doctor --json
    same "a profile that is $1" false "$(json profile_holds "$T/doubt.out")"
    short "$1"
    same "the weights beside one that is $1" "$(weights "$T/start.out")" "$(weights "$T/$1.out")"
}
head -c 100 "$T/kernels.json" >"$file"
not_believed half
sed 's/"signature": [0-9]*/"signature": 1/' "$T/kernels.json" >"$file"
not_believed foreign
rm "$file"
mkdir "$file"
not_believed directory
rmdir "$file"

# Nowhere to keep it: said before time is spent.
: >"$T/in_the_way"
refused 1 "in_the_way" nowhere env XDG_CACHE_HOME="$T/in_the_way" "$SFT" doctor --measure

# A library whose core types crash, vanish or lie: in children only, and then never.
command -v "${CC:-cc}" >/dev/null || skip "no compiler for the bad library"
"${CC:-cc}" -shared -fPIC -o "$T/libopenblas.so.0" tests/fixtures/openblas/bad.c
ok bad env LD_LIBRARY_PATH="$T" "$SFT" doctor --measure --json
same "the bad library in use" false "$(json used "$T/bad.out")"
said '"verdict": "gave wrong products"' "$T/bad.out"
case $kernels in avx*) said '"verdict": "crashed"' "$T/bad.out" ;; esac
ok text env LD_LIBRARY_PATH="$T" SFT_BLAS=system "$SFT" doctor
said "OpenBLAS is not loaded: when it was measured it gave wrong products" "$T/text.out"
short beside LD_LIBRARY_PATH="$T" SFT_BLAS=system
same "the kernels beside it" "$kernels" "$(kernel_set_of "$T/run-beside")"
short alone SFT_BLAS=none
same "the weights beside it" "$(weights "$T/alone.out")" "$(weights "$T/beside.out")"
