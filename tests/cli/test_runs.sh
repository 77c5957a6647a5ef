#!/bin/sh
# test_runs.sh - `sft runs` from outside: two runs listed, shown and compared, a run that was killed
# and one that was resumed, as text and as JSON.
set -u
SFT=${SFT:-build/release/sft}
case $SFT in /*) ;; *) SFT=$PWD/$SFT ;; esac
model=$PWD/tests/fixtures/tiny_bert
data=$PWD/sample_data/tickets
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

fail() {
    echo "FAILED: $*"
    failed=1
}

train() { # name options...
    name=$1
    shift
    "$SFT" train --model "$model" --train "$data/train.csv" --validation "$data/validation.csv" \
        --max-length 16 --out "runs/$name" "$@" >"$name.out" 2>"$name.err"
}

runs() {
    "$SFT" runs "$@" >out 2>err || fail "runs $*: $(cat err)"
}

has() { # words...
    for words; do
        grep -qF -- "$words" out || fail "lacks '$words': $(cat out)"
    done
}

runs
[ ! -s out ] || fail "an empty workspace lists something"
grep -q 'no runs in' err || fail "an empty workspace says nothing"

train first --epochs 2 --learning-rate 1e-3 --test "$data/test.csv" || fail "train: $(cat first.err)"
train second --epochs 1 --tune head || fail "train: $(cat second.err)"

runs list
head -1 out | grep -q '^run .*tune .*lr .*epochs .*val acc .*test acc .*time .*state .*data$' ||
    fail "headings: $(head -1 out)"
grep -Eq '^first +full +0.001 +2 +0\.[0-9]{4} +0\.[0-9]{4} .* finished +tickets/train.csv$' out ||
    fail "first: $(cat out)"
grep -Eq '^second +head +0.001 +1 +0\.[0-9]{4} +- .* finished ' out || fail "second: $(cat out)"

runs --json
[ "$(grep -c '^{"run": .*"state": "finished".*}$' out)" = 2 ] || fail "list --json: $(cat out)"

runs show first
has 'first: finished' 'settings that differ' 'max_length' 'validation' 'weights, SHA-256'
[ "$(grep -cE '^ +[0-9]+  (validation|test) ' out)" = 3 ] || fail "evaluations: $(cat out)"
runs show runs/first/ --json
has '"run": "first"' '"evaluations": [{"id": 1, "step": ' '"max_length": 16' '"edits": []'

runs compare first second
has 'tune                        full' 'validation rows (after step' 'fixed' 'broken'
runs compare first second --json
has '"settings": {"tune": ["full", "head"], "epochs": [2, 1]}' '"test": null' '"fixed": '
# Against itself nothing is fixed and nothing broken.
runs compare first first --json
has '"settings": {}' '"fixed": 0, "broken": 0'

# A run that is killed says so; resumed, it ends with every step once.
"$SFT" train --model "$model" --train "$data/train.csv" --validation "$data/validation.csv" \
    --max-length 16 --out runs/killed --epochs 300 --eval-steps 1000000 --save-steps 200 >killed.out 2>&1 &
pid=$!
tries=0
until ls runs/killed/checkpoints 2>/dev/null | grep -q step && runs && grep -Eq '^killed .* running ' out; do
    tries=$((tries + 1)) # the list reads run.db, which is written a moment later
    [ $tries -lt 600 ] || { fail "while it runs: $(cat out)"; break; }
    sleep 0.01
done
kill -9 $pid
wait $pid 2>/dev/null
runs
grep -Eq '^killed .* interrupted ' out || fail "killed: $(cat out)"
"$SFT" train --resume runs/killed >resume.out 2>resume.err || fail "resume: $(cat resume.err)"
runs show killed --json
has '"state": "finished"' '"steps": 10800'

refused() { # words command...
    words=$1
    shift
    "$SFT" runs "$@" >out 2>err && fail "runs $* is not refused"
    [ "$(wc -l <err)" = 1 ] || fail "runs $*: not one line: $(cat err)"
    grep -qF -- "$words" err || fail "runs $*: '$(cat err)' lacks '$words'"
}
refused "no run 'nowhere' in './runs'; sft runs lists them" show nowhere
refused "it is list, show or compare" remove first
refused "takes 2 runs, not 1" compare first
echo '{' >runs/second/run.json
runs
[ "$(wc -l <err)" = 1 ] || fail "a damaged run.json: $(cat err)"
grep -q '^first ' out || fail "a damaged run hides the others"

[ $failed = 0 ] && echo ok
exit $failed
