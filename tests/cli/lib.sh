# lib.sh - what every command-line test starts with: `. tests/cli/lib.sh`, from the project's root.
#
# $SFT is the program, $TINY a model directory of 25 827 parameters, $T a directory that goes away at
# the end. A test ends at the first thing that is not as it should be, with a line that says what.
set -eu
: "${SFT:?the program under test}"
TINY=tests/fixtures/tiny_bert
T=$(mktemp -d "${TMPDIR:-/tmp}/sft-test.XXXXXX")
cleanup() { rm -rf "$T"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "FAILED: $*"
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# run NAME COMMAND...: output to $T/NAME.out and $T/NAME.err, exit code to $code.
run() {
    name=$1
    shift
    code=0
    "$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null || code=$?
}

# ok NAME COMMAND...: as run, and it must succeed.
ok() {
    run "$@"
    [ "$code" = 0 ] || fail "$* ended with $code: $(cat "$T/$1.err")"
}

# refused CODE PATTERN NAME COMMAND...: it ends with CODE, says one line on standard error that
# begins with "sft: " and holds PATTERN (a basic regular expression), and nothing on standard output.
refused() {
    want=$1 pattern=$2
    shift 2
    run "$@"
    [ "$code" = "$want" ] || fail "$* ended with $code, not $want: $(cat "$T/$1.err")"
    [ "$(wc -l <"$T/$1.err")" = 1 ] || fail "$*: not one line on stderr: $(cat "$T/$1.err")"
    grep -q '^sft: ' "$T/$1.err" || fail "$*: no 'sft: ' in: $(cat "$T/$1.err")"
    grep -q -- "$pattern" "$T/$1.err" || fail "$*: no '$pattern' in: $(cat "$T/$1.err")"
    [ ! -s "$T/$1.out" ] || fail "$*: printed on stdout: $(head -3 "$T/$1.out")"
}

# The value of a key whose value is no object or array, in the last line of a file.
json() { # KEY FILE
    tail -n 1 "$2" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}

weights() { json weights_sha256 "$1"; }

same() { # what, expected, got
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    [ -n "$2" ] || fail "$1: both are empty"
}

absent() {
    for path in "$@"; do
        [ ! -e "$path" ] || fail "left behind: $path: $(ls -a "$path" | tr '\n' ' ')"
    done
}

# rows COUNT SEED: a CSV of sentences whose words lean towards their label.
rows() {
    awk -v n="$1" -v x="$2" '
    function draw(m) { x = (x * 1103 + 12345) % 1000003; return int(x / 7) % m }
    BEGIN {
        split("negative neutral positive", label)
        split("bad awful poor worst hate sad broken lost late never", word1)
        split("card bank order phone book time day price app new", word2)
        split("good great best love like happy fine works always thank", word3)
        split("the is it was very my your this that and for with from please", other)
        print "text,label"
        for (i = 0; i < n; i++) {
            k = draw(3) + 1
            m = draw(12) + 3
            s = ""
            for (j = 0; j < m; j++) {
                w = draw(10) + 1
                own = k == 1 ? word1[w] : k == 2 ? word2[w] : word3[w]
                s = s (draw(10) < 4 || j == 0 ? own : other[draw(14) + 1]) " "
            }
            print s "it ," label[k]
        }
    }' | sed 's/ ,/,/'
}

data() { # the three files every training test uses
    rows 200 1 >"$T/train.csv"
    rows 50 2 >"$T/dev.csv"
    rows 50 3 >"$T/test.csv"
}

# train NAME FLAG...: a run into $T/NAME on that data; its JSON is in $T/NAME.out.
train() {
    train_name=$1
    shift
    ok "$train_name" "$SFT" train --model "$TINY" --train "$T/train.csv" \
        --validation "$T/dev.csv" --out "$T/$train_name" --learning-rate 1e-3 --json "$@"
}
