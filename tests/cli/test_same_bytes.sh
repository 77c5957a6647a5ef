# The same bytes whatever the number of threads, stopped, killed, resumed or not.
. tests/cli/lib.sh
data
settings="--max-steps 600 --eval-steps 25 --save-steps 20 --gradient-accumulation-steps 2
    --batch-size 8 --warmup-steps 0.1 --weight-decay 0.01 --label-smoothing-factor 0.1
    --class-weights balanced --load-best-model-at-end --metric-for-best-model accuracy"

for threads in 1 2 4; do
    train "t$threads" --threads $threads $settings
    same "weights with $threads threads" "$(weights "$T/t1.out")" "$(weights "$T/t$threads.out")"
done
train other $settings --seed 7
[ "$(weights "$T/other.out")" != "$(weights "$T/t1.out")" ] || fail "another seed, the same weights"

wait_for_checkpoint() { # RUN PID
    for try in $(seq 400); do
        [ -n "$(ls "$1/checkpoints" 2>/dev/null)" ] && return 0
        kill -0 "$2" 2>/dev/null || return 0
        sleep 0.02
    done
    fail "no checkpoint in $1"
}
start() { # NAME: in the background, $pid
    "$SFT" train --model "$TINY" --train "$T/train.csv" --validation "$T/dev.csv" --out "$T/$1" \
        --learning-rate 1e-3 --json $settings >"$T/$1.out" 2>"$T/$1.err" </dev/null &
    pid=$!
}

# Stopped by a signal, which saves, then resumed.
start stopped
wait_for_checkpoint "$T/stopped" $pid
kill -TERM $pid
kill -INT $pid 2>/dev/null || true # as timeout(1) does: one wish, two signals
code=0
wait $pid || code=$?
same "exit code of a stopped run" 0 "$code"
[ -f "$T/stopped/model/model.safetensors" ] || fail "a stopped run has no model"
ok stopped_resumed "$SFT" train --resume "$T/stopped" --json
same "steps after a stop" 600 "$(json steps "$T/stopped_resumed.out")"
same "weights after a stop" "$(weights "$T/t1.out")" "$(weights "$T/stopped_resumed.out")"

# Killed as soon as there is a run, then again and again while resuming.
start killed
while [ ! -f "$T/killed/run.json" ]; do
    kill -0 $pid 2>/dev/null || fail "the run ended early: $(cat "$T/killed.err")"
    sleep 0.01
done
kill -9 $pid
wait $pid 2>/dev/null || true
for round in 1 2 3 4 5; do
    "$SFT" train --resume "$T/killed" --json >"$T/killed.out" 2>"$T/killed.err" </dev/null &
    pid=$!
    sleep "0.$((round * 7))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
ok killed_resumed "$SFT" train --resume "$T/killed" --json
same "weights after kills" "$(weights "$T/t1.out")" "$(weights "$T/killed_resumed.out")"
for c in "$T"/killed/checkpoints/*; do
    case ${c##*/step-} in *[!0-9]*) fail "left aside: $c" ;; esac
done

# A finished run that is resumed stays what it is.
ok again "$SFT" train --resume "$T/t2" --json
same "weights of a finished run" "$(weights "$T/t1.out")" "$(weights "$T/again.out")"

# A head on a frozen backbone likewise.
head="--tune head --epochs 6 --save-steps 9 --gradient-accumulation-steps 3 --batch-size 8"
for threads in 1 4; do SFT_FEATURES=off train "h$threads" --threads $threads $head; done
same "weights of a head with 4 threads" "$(weights "$T/h1.out")" "$(weights "$T/h4.out")"
cp -r "$T/h1" "$T/h1again"
rm -rf "$T/h1again/checkpoints/$(ls "$T/h1again/checkpoints" | tail -1)"
ok h1again "$SFT" train --resume "$T/h1again" --json
same "weights of a resumed head" "$(weights "$T/h1.out")" "$(weights "$T/h1again.out")"

# The features that a run has kept serve the next, which says so; other tokens need other ones; where
# there is no place to keep them, that is said and nothing else changes.
XDG_CACHE_HOME=$T/cache
export XDG_CACHE_HOME
earlier='features of [0-9]* rows are those of an earlier run'
train kept --threads 2 $head
[ "$(ls "$T/cache/sft/features" | wc -l)" = 1 ] || fail "no features were kept"
! grep -q "$earlier" "$T/kept.err" || fail "the first run found features"
train found --threads 1 $head
grep -q "$earlier" "$T/found.err" || fail "the second run found no features"
train shorter --threads 1 $head --max-length 5
! grep -q "$earlier" "$T/shorter.err" || fail "features of other tokens"
for f in "$T"/cache/sft/features/*; do truncate -s -1 "$f"; done
train broken --threads 1 $head
! grep -q "$earlier" "$T/broken.err" || fail "half a file of features was read"
: >"$T/file"
XDG_CACHE_HOME=$T/file train nowhere --threads 1 $head
grep -q "not kept for the next run: .*$T/file" "$T/nowhere.err" || fail "a failed write is not told"
for run in kept found broken nowhere; do
    same "weights of the head $run" "$(weights "$T/h1.out")" "$(weights "$T/$run.out")"
done

# Batches of a token budget over frozen layers: computed once here, anew after a resume.
frozen="--freeze-layers 1 --max-tokens-per-batch 90 --epochs 4 --save-steps 9"
for threads in 1 4; do train "z$threads" --threads $threads $frozen; done
same "weights over frozen layers with 4 threads" "$(weights "$T/z1.out")" "$(weights "$T/z4.out")"
rm -rf "$T/z4/checkpoints/$(ls "$T/z4/checkpoints" | tail -1)"
ok z4again "$SFT" train --resume "$T/z4" --json
same "weights over frozen layers, resumed" "$(weights "$T/z1.out")" "$(weights "$T/z4again.out")"
train thawed --max-tokens-per-batch 90 --epochs 4
[ "$(weights "$T/thawed.out")" != "$(weights "$T/z1.out")" ] || fail "freezing changed nothing"

# A learning rate given with --resume is an edit: journaled, so another resume repeats it.
train edited $settings
rm -rf "$T"/edited/checkpoints/*
ok e1 "$SFT" train --resume "$T/edited" --learning-rate 5e-4 --json
[ "$(weights "$T/e1.out")" != "$(weights "$T/t1.out")" ] || fail "the edit changed nothing"
rm -rf "$T"/edited/checkpoints/*
ok e2 "$SFT" train --resume "$T/edited" --json
same "weights with an edit replayed" "$(weights "$T/e1.out")" "$(weights "$T/e2.out")"

# What a resume refuses.
refused 2 'tune' bad "$SFT" train --resume "$T/t1" --tune head
refused 2 'leave the other flags' bad "$SFT" train --resume "$T/t1" --train "$T/train.csv"
cp "$T/train.csv" "$T/train.old"
echo 'more,positive' >>"$T/train.csv"
refused 1 "train.csv.*SHA-256" bad "$SFT" train --resume "$T/t1"
cp "$T/train.old" "$T/train.csv"
cp -r "$T/t1" "$T/moved"
sed -i 's/"kernel_set": *"[^"]*"/"kernel_set": "abacus"/' "$T/moved/run.json"
refused 1 "abacus" bad "$SFT" train --resume "$T/moved"
ok accepted "$SFT" train --resume "$T/moved" --accept-other-kernels --json
grep -A1 '"accepted_kernel_sets"' "$T/moved/run.json" | grep -q '[a-z0-9]' || fail "not recorded"

# Products in bf16: the same bytes on any number of threads and after a resume; other bytes than in
# fp32, and a resume with other kernels is refused. The plain kernel runs on every CPU.
few="--max-steps 40 --save-steps 10 --bf16"
for threads in 1 4; do SFT_BF16=plain train "b$threads" --threads $threads $few; done
train f1 --max-steps 40 --save-steps 10
same "weights in bf16 with 4 threads" "$(weights "$T/b1.out")" "$(weights "$T/b4.out")"
[ "$(weights "$T/b1.out")" != "$(weights "$T/f1.out")" ] || fail "bf16 and fp32, the same weights"
grep -q '"kernel_set": ".*, bf16 plain"' "$T/b1/run.json" || fail "run.json does not say bf16"
rm -rf "$T/b4/checkpoints/step-000040" "$T/b4/checkpoints/step-000030"
cp -r "$T/b4" "$T/b4other"
SFT_BF16=plain ok b4again "$SFT" train --resume "$T/b4" --json
same "weights of a resumed run in bf16" "$(weights "$T/b1.out")" "$(weights "$T/b4again.out")"
refused 2 "SFT_BF16=none such" b4other env "SFT_BF16=none such" "$SFT" train --resume "$T/b4other" --json
