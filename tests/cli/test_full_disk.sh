# A full disk: one line, exit 1, nothing half-written.
. tests/cli/lib.sh
data

whole_or_absent() { # every checkpoint has its three files, nothing is left aside
    [ -d "$1" ] || return 0
    for c in "$1"/checkpoints/*; do
        [ -e "$c" ] || continue
        case ${c##*/} in step-[0-9]*) ;; *) fail "left aside: $c" ;; esac
        case ${c##*/} in *[!0-9]) fail "left aside: $c" ;; esac
        [ -f "$c/state.json" ] && [ -f "$c/model.safetensors" ] || fail "half a checkpoint: $c"
    done
    if [ -d "$1/model" ]; then
        [ -f "$1/model/model.safetensors" ] && [ -f "$1/model/README.md" ] || fail "half a model"
    fi
}

# A limit on file sizes stands for a disk that fills up while the run writes.
for blocks in 1 16 200 400; do
    code=0
    (
        ulimit -f $blocks 2>/dev/null || exit 77
        exec "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/limit" --epochs 1 --json
    ) >"$T/limit.out" 2>"$T/limit.err" || code=$?
    [ "$code" != 77 ] || skip "no ulimit -f"
    if [ "$code" != 0 ]; then
        [ "$code" = 1 ] || fail "ulimit -f $blocks: ended with $code: $(cat "$T/limit.err")"
        [ "$(grep -c '^sft: ' "$T/limit.err")" = 1 ] || fail "no line: $(cat "$T/limit.err")"
    fi
    whole_or_absent "$T/limit"
    rm -rf "$T/limit"
done

# Standard output that is full is an error too.
if [ -w /dev/full ]; then
    train run --epochs 1
    code=0
    "$SFT" predict "$T/run" --data "$T/test.csv" >/dev/full 2>"$T/full.err" || code=$?
    [ "$code" = 1 ] || fail "predict to a full disk ended with $code"
    [ "$(wc -l <"$T/full.err")" = 1 ] || fail "not one line: $(cat "$T/full.err")"
    code=0
    "$SFT" evaluate "$T/run" --data "$T/test.csv" --json >/dev/full 2>"$T/full.err" || code=$?
    [ "$code" = 1 ] || fail "evaluate to a full disk ended with $code"
fi

# A file system of its own: only root can have one.
mkdir "$T/disk"
[ "$(id -u)" = 0 ] && mount -t tmpfs -o size=1m none "$T/disk" 2>/dev/null || exit 0
cleanup() {
    umount "$T/disk" 2>/dev/null || umount -l "$T/disk"
    rm -rf "$T"
}
refused 1 "disk" small "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/disk/run" \
    --epochs 1
[ -z "$(ls -A "$T/disk")" ] || fail "left on the small disk: $(ls -A "$T/disk")"

ok run2 "$SFT" train --model "$TINY" --train "$T/train.csv" --out "$T/run2" --epochs 1
head -c 1000000 /dev/zero >"$T/disk/fill"
refused 1 "disk" export "$SFT" export "$T/run2" "$T/disk/model"
same "what is left" fill "$(ls -A "$T/disk")"

# A disk that fills while the run goes on: what was saved stays, and with room the run goes on to the
# weights of one that was never in trouble.
rm "$T/disk/fill"
mount -o remount,size=40m "$T/disk"
long="--model $TINY --train $T/train.csv --learning-rate 1e-3 --max-steps 1500 --save-steps 20 --json"
"$SFT" train $long --out "$T/disk/run" >"$T/long.out" 2>"$T/long.err" &
pid=$!
while [ ! -d "$T/disk/run/checkpoints" ] || [ -z "$(ls "$T/disk/run/checkpoints")" ]; do
    kill -0 $pid 2>/dev/null || fail "the run ended early: $(cat "$T/long.err")"
    sleep 0.05
done
head -c 40000000 /dev/zero >"$T/disk/fill" 2>/dev/null || true
code=0
wait $pid || code=$?
[ "$code" = 1 ] || fail "on a disk that filled up the run ended with $code"
[ "$(grep -c '^sft: ' "$T/long.err")" = 1 ] || fail "no line: $(cat "$T/long.err")"
whole_or_absent "$T/disk/run"
[ -n "$(ls "$T/disk/run/checkpoints")" ] || fail "the checkpoints are gone"
rm "$T/disk/fill"
ok resumed "$SFT" train --resume "$T/disk/run" --json
ok calm "$SFT" train $long --out "$T/calm"
same "weights after a full disk" "$(weights "$T/calm.out")" "$(weights "$T/resumed.out")"
