#!/bin/sh
# test_data.sh - `sft data` from outside: the report as text and JSON, every fault as one line with its
# place and remedy, nothing written anywhere. With --remake the stored reports are written anew.
set -u
SFT=${SFT:-build/release/sft}
F=tests/fixtures/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAILED: $*"
    failed=1
}

same() { # stored-file command...
    stored=$1
    shift
    "$@" >"$work/out" 2>"$work/err" || fail "$* exits with $?: $(cat "$work/err")"
    [ "${remake:-}" ] && cp "$work/out" "$stored"
    diff -u "$stored" "$work/out" || fail "$* differs from $stored"
}

# The exit status, one line on stderr that begins "sft: " and holds each of the words.
refused() { # status words -- command...
    status=$1 words=$2
    shift 2
    "$SFT" data "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ $code = "$status" ] || fail "data $*: exit $code, not $status"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "data $*: not one line: $(cat "$work/err")"
    grep -q '^sft: ' "$work/err" || fail "data $*: $(cat "$work/err")"
    grep -qF -- "$words" "$work/err" || fail "data $*: '$(cat "$work/err")' lacks '$words'"
}

[ "${1:-}" = --remake ] && remake=1
export LC_ALL=C.UTF-8

same $F/report.txt "$SFT" data $F/train.csv $F/test.csv
same $F/report.json "$SFT" data $F/train.csv $F/test.csv --json
same $F/carved.txt env LC_ALL=C "$SFT" data --train $F/train.csv

# The same rows through a pipe, and with the columns by number.
"$SFT" data - --test $F/test.csv <$F/train.csv >"$work/pipe" 2>&1 || fail "standard input"
sed 's|/dev/stdin|'$F'/train.csv|; s|stdin:|train.csv:|' "$work/pipe" | tr -s ' ' >"$work/a"
tr -s ' ' <$F/report.txt >"$work/b"
diff "$work/b" "$work/a" || fail "standard input reads differently"
"$SFT" data $F/train.csv --text 0 --label 1 --header yes | grep -q '24 rows, 6 labels' ||
    fail "columns by number"

refused 1 "$F/ragged.csv:3:1: 3 fields, but line 1 has 2; put quotes" $F/ragged.csv
refused 1 "$F/latin1.csv:2:8: byte 0xE9 is not UTF-8; convert" $F/latin1.csv
refused 1 "$F/unknown.csv:3:1: label 'warranty' is unknown" $F/train.csv $F/unknown.csv
refused 1 "$F/one_class.csv:2:1: every row has the label 'delivery'" $F/one_class.csv
refused 1 "$F/header_only.csv:1:1: a header and no rows" $F/header_only.csv
refused 1 "$F/empty.csv: the file is empty" $F/empty.csv
refused 1 "no column 'label'; its columns are 'text', 'category'; choose one with" $F/category.csv
refused 1 "$F/unclosed.csv:3:7: the quote that opens here is never closed" $F/unclosed.csv
refused 1 "$F/nested.jsonl:2:8: \"text\" holds an object or an array" $F/nested.jsonl
refused 1 "$F/broken.jsonl:2:16: not JSON: a comma or }" $F/broken.jsonl
refused 1 "cannot read '$F/absent.csv'" $F/absent.csv
refused 2 "no file to look at" --json
refused 2 "there are auto, csv, tsv, jsonl, json" $F/train.csv --format xml
refused 2 "unknown option --lable; did you mean --label?" $F/train.csv --lable x
refused 2 "name a tokenizer with --model" $F/train.csv --max-length 5
refused 2 "cannot both be the same split" $F/train.csv --train $F/test.csv
if [ -w /dev/full ]; then
    "$SFT" data $F/train.csv >/dev/full 2>"$work/err" && fail "a full disk is not noticed"
    grep -q 'standard output' "$work/err" || fail "full disk: $(cat "$work/err")"
fi

# A tokenizer turns characters into tokens and counts what is cut.
"$SFT" data $F/train.csv --model tests/fixtures/tiny_bert --max-length 8 --json >"$work/out" ||
    fail "with a model"
grep -q '"unit": "tokens"' "$work/out" || fail "lengths are not tokens"
grep -q '"max_length": 8, "truncated": [1-9]' "$work/out" || fail "nothing was cut"
exit $failed
