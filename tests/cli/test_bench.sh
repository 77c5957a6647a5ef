#!/bin/sh
# test_bench.sh - `sft bench` needs nothing but the program, and prints what it says it does. Its
# speeds are the machine's: only what no machine can have is refused here.
. tests/cli/lib.sh

keys="cpu blas_kernel threads peak_gflops step_ms step_ms_least step_bf16_ms step_bf16_ms_least forward_ms step_gflops step_share_of_peak forward_share_of_peak
bf16_over_fp32 adamw_share_of_bandwidth tokenizer_mb_per_second"

# sane KEY LOW HIGH FILE: a number between them.
sane() {
    awk -v x="$(json "$1" "$4")" -v low="$2" -v high="$3" \
        'BEGIN { exit !(x ~ /^[0-9.e+-]+$/ && x > low && x < high) }' ||
        fail "$1 is '$(json "$1" "$4")', not between $2 and $3"
}

cd_from=$PWD
ok small "$SFT" bench --rounds 1 --shape 4x16 --json
[ "$(wc -l <"$T/small.out")" = 1 ] || fail "bench --json printed more than one line"
got=$(tr ',' '\n' <"$T/small.out" | sed -n 's/.*"\([a-z0-9_]*\)": .*/\1/p')
# shellcheck disable=SC2086
same "the keys of bench --json" "$(echo $keys)" "$(echo $got)"
sane peak_gflops 0.1 1000000 "$T/small.out"
sane step_gflops 0.001 1000000 "$T/small.out"
sane step_share_of_peak 0.0005 1.5 "$T/small.out"
sane forward_share_of_peak 0.0005 1.5 "$T/small.out"
sane adamw_share_of_bandwidth 0.005 20 "$T/small.out"
sane tokenizer_mb_per_second 0.01 100000 "$T/small.out"
case $(json bf16_over_fp32 "$T/small.out") in
null) ;;
*) sane bf16_over_fp32 0.05 100 "$T/small.out" ;;
esac

# The peak is at least what the step makes of it, and says so of the kernels and threads in use.
ok one env SFT_KERNELS=plain SFT_BLAS=none "$SFT" bench --rounds 1 --shape 2x8 --threads 1 --json
same "threads" 1 "$(json threads "$T/one.out")"
same "kernels" plain "$(json blas_kernel "$T/one.out")"

# From an empty directory, as text: no model is needed; and a model's own tokenizer.
mkdir "$T/empty"
case $SFT in /*) program=$SFT ;; *) program=$PWD/$SFT ;; esac
cd "$T/empty"
ok text "$program" bench --rounds 1 --shape 2x8
cd "$cd_from"
[ -z "$(ls "$T/empty")" ] || fail "bench left files behind"
for line in "Multiply-adds, fp32" "Scaling in place" "Training step" "clip and AdamW" \
    "Forward alone" "of bandwidth" "WordPiece" "bf16"; do
    grep -q "$line" "$T/text.out" || fail "bench does not say: $line"
done
ok model "$SFT" bench --rounds 1 --shape 2x8 --model "$TINY"
grep -q "$TINY" "$T/model.out" || fail "bench did not measure the model's tokenizer"

printf 'one text\nand another' >"$T/texts"
ok texts "$SFT" bench --rounds 1 --shape 2x8 --dropout 0 --model "$TINY" --text "$T/texts"
grep -q "1 thread, $T/texts" "$T/texts.out" || fail "bench does not say which text it took"
grep -q "MiniLM-L6, 2 sequences of 8 tokens, dropout 0" "$T/texts.out" || fail "bench does not name its step"
: >"$T/nothing"

refused 2 "size takes" size "$SFT" bench --size huge
refused 2 "dropout takes" dropout "$SFT" bench --dropout 1
refused 1 "is empty" nothing "$SFT" bench --text "$T/nothing"
refused 2 "rounds takes" rounds "$SFT" bench --rounds 0
refused 2 "shape takes" shape "$SFT" bench --shape 32x513
refused 2 "shape takes" shape "$SFT" bench --shape 32
refused 2 "no argument" argument "$SFT" bench fast
refused 1 "no tokenizer" absent "$SFT" bench --model "$T/none"
