#!/bin/sh
# run-tests.sh BUILD - run every test of build/BUILD and say what came out.
#
# Unit tests and screen tests are programs (cmocka), command-line tests are scripts that exit 77 when
# something they need is absent. What failed prints its output; the last line counts.
set -u
build=$1
export SFT="$PWD/build/$build/sft"
export SFT_BUILD="$PWD/build/$build"
export LC_ALL=C.UTF-8
# Nothing of the user's environment may change a screen or a number.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
unset SFT_KERNELS SFT_BLAS SFT_TEST_CLOCK NO_COLOR CDPATH LINES COLUMNS
passed=0 failed=0 skipped=0
log=$(mktemp)
XDG_CACHE_HOME=$(mktemp -d) # and so no profile of this machine
export XDG_CACHE_HOME
trap 'rm -rf "$log" "$XDG_CACHE_HOME"' EXIT

count() { # pattern: sum of the numbers in cmocka's closing lines
    sed -n "s/^\[  $1 *\] \([0-9]*\) test(s).*/\1/p" "$log" | awk '{ n += $1 } END { print n + 0 }'
}

run() { # name command...
    name=$1
    shift
    start=$(date +%s)
    timeout "${SFT_TEST_TIMEOUT:-300}" "$@" >"$log" 2>&1 </dev/null
    code=$?
    seconds=$(($(date +%s) - start))
    p=$(count PASSED) f=$(count FAILED) s=$(count SKIPPED)
    if [ $((p + f + s)) = 0 ]; then
        case $code in
        0) p=1 ;;
        77) s=1 ;;
        *) f=1 ;;
        esac
    elif [ "$code" != 0 ] && [ "$f" = 0 ]; then
        f=1 # it passed its tests and died all the same: a sanitizer, a leak
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    word=ok
    [ "$p" = 0 ] && word=skipped
    [ "$f" != 0 ] && word=FAILED
    printf '%-8s %-40s %4d passed %3d skipped  %3d s\n' "$word" "$name" "$p" "$s" "$seconds"
    if [ "$f" != 0 ]; then
        sed 's/^/    /' "$log"
    fi
}

for program in build/"$build"/tests/unit/test_* build/"$build"/tests/tui/test_*; do
    case $program in *.o | *.d | *\*) continue ;; esac
    [ -x "$program" ] && run "${program#build/"$build"/tests/}" "$program"
done
for script in tests/cli/test_*.sh; do
    [ -f "$script" ] && run "${script#tests/}" sh "$script"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
