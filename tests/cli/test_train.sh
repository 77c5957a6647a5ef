# sft train from outside: JSON keys, files left, steps, what is refused.
. tests/cli/lib.sh
data

train full --test "$T/test.csv" --epochs 2
for key in run steps epochs seconds tokens tokens_per_second train_loss validation test peak_rss_mb \
    weights_sha256; do
    tail -n 1 "$T/full.out" | grep -q "\"$key\": *" || fail "no key $key"
done
same lines 1 "$(wc -l <"$T/full.out")"
same steps 26 "$(json steps "$T/full.out")"
same run "$T/full" "$(json run "$T/full.out")"
for key in rows loss accuracy macro_precision macro_recall macro_f1 weighted_f1 mcc per_label labels \
    confusion; do
    [ "$(grep -o "\"$key\": *" "$T/full.out" | wc -l)" = 2 ] || fail "not twice: $key"
done
for file in run.json run.db metrics.ring control.ring model/config.json model/model.safetensors \
    model/README.md model/tokenizer.json model/vocab.txt checkpoints/step-000013/model.safetensors \
    checkpoints/step-000026/optimizer.safetensors checkpoints/step-000026/state.json; do
    [ -f "$T/full/$file" ] || fail "no $file in the run"
done
same weights "$(sha256sum <"$T/full/model/model.safetensors" | cut -d' ' -f1)" \
    "$(weights "$T/full.out")"

# Three epochs keep two checkpoints; with the best asked for, that one as well.
train kept --epochs 5 --load-best-model-at-end --metric-for-best-model accuracy
kept=$(ls "$T/kept/checkpoints" | wc -l)
[ "$kept" = 2 ] || [ "$kept" = 3 ] || fail "$kept checkpoints"

# Steps: a last batch that is not full, accumulation, a fractional epoch, max_steps.
steps() { # NAME WANT FLAG...
    steps_name=$1 want=$2
    shift 2
    train "$steps_name" "$@"
    same "steps of $*" "$want" "$(json steps "$T/$steps_name.out")"
}
steps ragged 14 --batch-size 15 --epochs 1
steps accumulated 4 --batch-size 16 --gradient-accumulation-steps 4 --epochs 1
steps fraction 20 --epochs 1.5
steps most 7 --epochs 2 --max-steps 7
same epochs 0.5384615384615384 "$(json epochs "$T/most.out")"

# A budget of tokens instead of a number of examples: the plan is what happens, and no batch is larger.
budget="--max-tokens-per-batch 60 --epochs 2"
train budget $budget
ok budgetplan "$SFT" train --model "$TINY" --train "$T/train.csv" --validation "$T/dev.csv" $budget --dry-run
grep -q "^plan      $(json steps "$T/budget.out") steps (2 epochs) of up to 60 tokens" "$T/budgetplan.out" ||
    fail "not as planned: $(grep ^plan "$T/budgetplan.out")"
most=$(sqlite3 "$T/budget/run.db" 'select max(tokens) from steps')
[ "$most" -le 60 ] && [ "$most" -gt 45 ] || fail "the largest batch has $most tokens"

# Frozen layers do not learn, and what remains is said.
ok frozenplan "$SFT" train --model "$TINY" --train "$T/train.csv" --freeze-layers 1 --dry-run --json
ok wholeplan "$SFT" train --model "$TINY" --train "$T/train.csv" --dry-run --json
[ "$(json parameters_trained "$T/frozenplan.out")" -lt "$(json parameters_trained "$T/wholeplan.out")" ] ||
    fail "frozen layers are trained"
refused 2 'freeze_layers 2: the model has 2 layers' toofrozen "$SFT" train --model "$TINY" \
    --train "$T/train.csv" --freeze-layers 2 --out "$T/toofrozen"
refused 2 'tune head freezes all layers' twice "$SFT" train --model "$TINY" --train "$T/train.csv" \
    --freeze-layers 1 --tune head
absent "$T/toofrozen"

# What comes out without JSON is for people.
ok text "$SFT" train --model "$TINY" --train "$T/train.csv" --test "$T/test.csv" --out "$T/text" \
    --epochs 1
grep -q '^test: 50 rows, loss' "$T/text.out" || fail "no test report"
grep -q 'rows      200 train, 0 validation, 50 test; 3 labels' "$T/text.err" || fail "no preamble"
same validation null "$(ok null "$SFT" train --model "$TINY" --train "$T/train.csv" --test \
    "$T/test.csv" --epochs 1 --out "$T/null" --json && json validation "$T/null.out")"

# A model that has these labels in another order keeps its ids.
cp -r "$TINY" "$T/turned"
sed -i 's/"0": "negative"/"0": "positive"/; s/"2": "positive"/"2": "negative"/' \
    "$T/turned/config.json"
ok turned "$SFT" train --model "$T/turned" --train "$T/train.csv" --test "$T/test.csv" --epochs 1 \
    --out "$T/turnedrun" --json
grep -q '"labels": *\["positive", *"neutral", *"negative"\]' "$T/turned.out" || fail "ids were moved"

# One file alone is split, and its test part waits to be asked for.
ok alone "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/alone" --epochs 1 --json
same test null "$(json test "$T/alone.out")"
grep -q '"validation": *{"rows": *[12]' "$T/alone.out" || fail "no validation was carved out"

# A dry run writes nothing.
ok dry "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/dry" --workspace "$T/w" --dry-run
absent "$T/dry" "$T/w"
grep -q '^plan      30 steps (3 epochs)' "$T/dry.out" || fail "no plan: $(cat "$T/dry.out")"

ok dryjson "$SFT" train --model "$TINY" --train "$T/train.csv" --workspace "$T/w" --dry-run --json
same "planned steps" 30 "$(json steps "$T/dryjson.out")"
absent "$T/w"

# Without --out the run gets a dated name in the workspace.
ok dated "$SFT" train --model "$TINY" --train "$T/train.csv" --workspace "$T/w" --epochs 1 --json
json run "$T/dated.out" | grep -q "^$T/w/runs/20[0-9-]*-sft-test.*tiny-bert$" ||
    fail "named $(json run "$T/dated.out")"

# Flags beat --config; - and _ are the same; the last of two wins.
echo '{"epochs": 5, "learning_rate": 1e-3, "batch_size": 50}' >"$T/config.json"
ok config "$SFT" train --model "$TINY" --train "$T/train.csv" --validation "$T/dev.csv" \
    --config "$T/config.json" --num_train_epochs 1 --batch-size 20 --batch_size 25 \
    --out "$T/config" --json
same "steps by config" 8 "$(json steps "$T/config.out")"

refused 2 'unknown' bad "$SFT" train --model "$TINY" --train "$T/train.csv" --learning-rte 1
refused 2 '--model' bad "$SFT" train --train "$T/train.csv"
refused 2 '--train' bad "$SFT" train --model "$TINY"
refused 2 'resume' bad "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/full"
refused 2 'batch_size\|batch-size' bad "$SFT" train --resume "$T/full" --batch-size 8
refused 2 'validation' bad "$SFT" train --model "$TINY" --train "$T/train.csv" --test "$T/test.csv" \
    --early-stopping-patience 1 --out "$T/none"
refused 2 "no label 'angry'" bad "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/none" \
    --class-weights 'angry=2'
absent "$T/none"
