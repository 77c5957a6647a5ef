#!/bin/sh
# A number, or a set of labels, for each text or pair of texts: train, evaluate, predict, the files
# between them, and what is refused.
. tests/cli/lib.sh

# Rows whose target can be read off the text: how often "good" stands in it; which words it holds.
awk 'BEGIN {
    srand(7); split("good bad slow fast movie phone", w, " ")
    for (i = 0; i < 160; i++) {
        t = ""; good = 0; delete has
        for (k = 0; k < 4; k++) { x = w[int(rand() * 6) + 1]; t = t (k ? " " : "") x; good += x == "good"; has[x] = 1 }
        set = ""; for (j = 1; j <= 2; j++) if (w[j] in has) set = set (set ? "|" : "") w[j]
        printf "%s,%.2f,%s,%d,%d,%s\n", t, good - .25, set, "good" in has, "bad" in has, "phone " w[i % 6 + 1]
    }
}' >"$T/rows"
{ echo text,score,words,good,bad,other; cat "$T/rows"; } >"$T/all.csv"

train() { # NAME FLAG... : a short run of the tiny model
    name=$1
    shift
    ok "$name" "$SFT" train --model $TINY --train "$T/all.csv" --out "$T/run-$name" --epochs 3 \
        --learning-rate 2e-3 --batch-size 8 --json "$@"
}

# ---- regression: found by its fractions, said so, and what comes out
train value --label score
grep -q 'problem_type regression: every value is a number' "$T/value.err" || fail "no ground was given"
grep -q '^values  *-0.25 to ' "$T/value.err" || fail "no range of the values"
for key in mse mae pearson spearman r2; do
    grep -q "\"validation\": {[^}]*\"$key\": -\{0,1\}[0-9]" "$T/value.out" || fail "no $key"
done
grep -q accuracy "$T/value.out" && fail "a regression has no accuracy"
grep -q '"problem_type":[[:space:]]*"regression"' "$T/run-value/model/config.json" || fail "config.json"
grep -q '"0":[[:space:]]*"score"' "$T/run-value/model/config.json" || fail "id2label is not the column"
grep -q '"problem_type": "regression"' "$T/run-value/run.json" || fail "run.json is not resolved"
ok pv "$SFT" predict "$T/run-value" --text 'good good good good' --json
good=$(json value "$T/pv.out")
ok pv "$SFT" predict "$T/run-value/model" --text 'bad slow bad slow' --json
bad=$(json value "$T/pv.out")
awk "BEGIN {exit !($good > $bad)}" || fail "nothing was learnt: good $good, bad $bad"
grep -q probs "$T/pv.out" && fail "a value has no probabilities"
ok ev "$SFT" evaluate "$T/run-value" --data "$T/all.csv" --json
same "keys of evaluate" '{"rows": 160, "loss":' "$(cut -c1-21 "$T/ev.out")"
same "loss is mse" "$(json loss "$T/ev.out")" "$(json mse "$T/ev.out")"
ok evt "$SFT" evaluate "$T/run-value" --data "$T/all.csv"
grep -q 'MSE [0-9.]*, MAE [0-9.]*, Pearson' "$T/evt.out" || fail "no figures for people: $(cat "$T/evt.out")"
cut -d, -f1 "$T/all.csv" >"$T/texts.csv" # no values at all
ok pt "$SFT" predict "$T/run-value" --data "$T/texts.csv"
same "lines of predict" 160 "$(grep -c '^-\{0,1\}[0-9.e-]*	' "$T/pt.out")"

# ---- sets: one column with a separator, columns of 0 and 1, arrays: the same weights
train sets --label words --label-separator '|'
train flags --label good,bad
sed 's/\([^,]*\),[^,]*,\([^,]*\),.*/{"text": "\1", "l": ["\2"]}/; s/|/", "/; s/\[""\]/[]/' "$T/rows" >"$T/all.jsonl"
ok arrays "$SFT" train --model $TINY --train "$T/all.jsonl" --label l --out "$T/run-arrays" --epochs 3 \
    --learning-rate 2e-3 --batch-size 8 --json
same "columns and separator" "$(weights "$T/sets.out")" "$(weights "$T/flags.out")"
same "arrays and separator" "$(weights "$T/sets.out")" "$(weights "$T/arrays.out")"
grep -q 'holds arrays' "$T/arrays.err" || fail "no ground for arrays"
for key in micro_f1 macro_f1 weighted_f1 subset_accuracy hamming_loss; do
    grep -q "\"$key\": [0-9]" "$T/sets.out" || fail "no $key"
done
grep -q '"problem_type":[[:space:]]*"multi_label_classification"' "$T/run-sets/model/config.json" ||
    fail "config.json"
ok ps "$SFT" predict "$T/run-sets" --text 'good bad good bad' --json --logits
grep -q '"labels": \[.*\], "probs": {"bad": [0-9.]*, "good": [0-9.]*}, "logits": \[' "$T/ps.out" ||
    fail "the JSON of a set: $(cat "$T/ps.out")"
ok es "$SFT" evaluate "$T/run-flags" --data "$T/all.csv" --json # the run knows its columns
grep -q '"confusion": \[\[\[' "$T/es.out" || fail "no 2x2 for each label"
ok ex "$SFT" export "$T/run-sets" "$T/exported"
ok ee "$SFT" evaluate "$T/exported" --data "$T/all.csv" --label words --json # | is what stands between
same "the export says the same" "$(json micro_f1 "$T/es.out")" "$(json micro_f1 "$T/ee.out")"
ok et "$SFT" evaluate "$T/exported" --data "$T/all.csv" --label good,bad
grep -q '^  micro ' "$T/et.out" || fail "no table for people: $(cat "$T/et.out")"

# ---- a pair of texts: both are read, and cut where the longer one is
train pair --text text,other --label score --max-length 16
ok pp "$SFT" predict "$T/run-pair" --text 'good good' --pair 'phone bad' --json
grep -q '"text": "good good", "pair": "phone bad", "value":' "$T/pp.out" || fail "$(cat "$T/pp.out")"
ok p1 "$SFT" predict "$T/run-pair" --text 'good good' --json
[ "$(json value "$T/pp.out")" != "$(json value "$T/p1.out")" ] || fail "the pair is not read"
ok pd "$SFT" predict "$T/run-pair" --data "$T/all.csv" --json
same "rows of pairs" 160 "$(grep -c '"pair": "phone ' "$T/pd.out")"

# ---- runs speak of it
ok rl "$SFT" runs list --workspace "$T" # none there
ok rs "$SFT" runs show "$T/run-value"
grep -q 'Pearson' "$T/rs.out" || fail "runs show: $(cat "$T/rs.out")"
ok rj "$SFT" runs show "$T/run-sets" --json
grep -q '"metric": "micro_f1"' "$T/rj.out" || fail "runs show --json"
ok rc "$SFT" runs compare "$T/run-sets" "$T/run-flags"
grep -q 'micro F1' "$T/rc.out" && grep -q 'right in both' "$T/rc.out" || fail "runs compare: $(cat "$T/rc.out")"

# ---- a stop and a resume go on as if nothing had been
ok half "$SFT" train --model $TINY --train "$T/all.csv" --label good,bad --out "$T/run-half" --epochs 3 \
    --learning-rate 2e-3 --batch-size 8 --eval-steps 4 --json
same "evaluations change nothing" "$(weights "$T/flags.out")" "$(weights "$T/half.out")"
rm -rf "$T/run-half/model"
ok again "$SFT" train --resume "$T/run-half" --json
same "resumed" "$(weights "$T/flags.out")" "$(weights "$T/again.out")"

# ---- the head alone
train head --label score --tune head
grep -q '"pearson"' "$T/head.out" || fail "tune head"

# ---- early stopping knows which way is better
ok best "$SFT" train --model $TINY --train "$T/all.csv" --label score --out "$T/run-best" --epochs 3 \
    --learning-rate 2e-3 --metric-for-best-model mae --load-best-model-at-end --json
grep -q 'best so far' "$T/best.err" || fail "no best"

# ---- data
ok dv "$SFT" data "$T/all.csv" --label score
grep -q 'deviation' "$T/dv.out" || fail "no spread of values"
ok dj "$SFT" data "$T/all.csv" --label good,bad --json
grep -q '"problem_type": "multi_label_classification"' "$T/dj.out" || fail "data --json"
refused 2 'problem-type is auto' dp "$SFT" data "$T/all.csv" --problem-type rank

# ---- what has no meaning is refused by name, before anything is made
no() { # PATTERN FLAG...
    pattern=$1
    shift
    refused 2 "$pattern" no "$SFT" train --model $TINY --train "$T/all.csv" --out "$T/run-no" "$@"
    [ ! -e "$T/run-no" ] || fail "a refused run left something"
}
no 'class_weights has no meaning for regression' --label score --class-weights balanced
no 'label_smoothing_factor has no meaning for multi' --label good,bad --label-smoothing-factor 0.1
no 'accuracy has no meaning for regression; it has loss, mse' --label score --metric-for-best-model accuracy
no 'pearson has no meaning for single_label' --label good --metric-for-best-model pearson
no '1 to 31 bytes' --label words --label-separator ''
refused 1 ':2:1: the value .* is no finite decimal number' word "$SFT" train --model $TINY \
    --train "$T/all.csv" --label other --problem-type regression --out "$T/run-no"
refused 1 'is unknown: the model does not have it' unknown "$SFT" evaluate "$T/run-sets" \
    --data "$T/all.csv" --label other
# Whole numbers stay classes unless told.
ok whole "$SFT" train --model $TINY --train "$T/all.csv" --label good --dry-run --json
same "whole numbers" single_label_classification "$(json problem_type "$T/whole.out")"
ok told "$SFT" train --model $TINY --train "$T/all.csv" --label good --problem-type regression --dry-run --json
same "told" regression "$(json problem_type "$T/told.out")"
echo ok
