# sft predict, evaluate and export from outside.
. tests/cli/lib.sh
data
train run --test "$T/test.csv" --epochs 6 --load-best-model-at-end

# evaluate says what train said, of a run and of its model directory.
ok e1 "$SFT" evaluate "$T/run" --data "$T/test.csv" --json
ok e2 "$SFT" evaluate "$T/run/model" --data "$T/test.csv" --json --threads 1
cmp -s "$T/e1.out" "$T/e2.out" || fail "a run and its model directory differ"
sed 's/.*"test": *//; s/, *"peak_rss_mb".*//' "$T/run.out" | cmp -s - "$T/e1.out" ||
    fail "train's test object is not evaluate's: $(cat "$T/e1.out")"
ok e3 "$SFT" evaluate "$T/run" --data "$T/test.csv"
grep -q '^  macro ' "$T/e3.out" || fail "no table"

# predict: a line a row, in order, the same text, what evaluate counts.
ok p1 "$SFT" predict "$T/run" --data "$T/test.csv" --json --logits
same "lines" 50 "$(wc -l <"$T/p1.out")"
sed 's/^{"text": *"\([^"]*\)".*/\1/' "$T/p1.out" >"$T/texts"
sed '1d; s/,[a-z]*$//' "$T/test.csv" | cmp -s - "$T/texts" || fail "texts or their order changed"
right=$(sed '1d; s/.*,//' "$T/test.csv" | paste -d' ' - "$T/p1.out" |
    awk '{ want = $1; sub(/.*"label": *"/, ""); sub(/".*/, ""); n += $0 == want } END { print n }')
accuracy=$(json accuracy "$T/e1.out")
awk -v r="$right" -v a="$accuracy" 'BEGIN { d = r / 50 - a; exit d > 1e-9 || d < -1e-9 }' ||
    fail "$right right, but accuracy $accuracy"
awk '{ sub(/.*"probs": *\{/, ""); sub(/\}.*/, ""); gsub(/"[a-z]*": */, ""); n = split($0, p, ",")
       s = 0; for (i = 1; i <= n; i++) s += p[i]
       if (n != 3 || s < 0.99999 || s > 1.00001) exit 1 }' "$T/p1.out" || fail "probabilities"

# Without labels, without a header, from another place, one text: the same numbers.
cut -d, -f1 "$T/test.csv" >"$T/bare.csv"
ok p2 "$SFT" predict "$T/run" --data "$T/bare.csv" --json --logits
cmp -s "$T/p1.out" "$T/p2.out" || fail "labels in the file change predictions"
sed 1d "$T/bare.csv" >"$T/headless.tsv"
ok p3 "$SFT" predict "$T/run/model" --data "$T/headless.tsv" --text-column 0 --json --logits
cmp -s "$T/p1.out" "$T/p3.out" || fail "a file without a header predicts otherwise"
ok p4 "$SFT" predict "$T/run" --text "$(sed -n 7p "$T/texts")" --json --logits
sed -n 7p "$T/p1.out" | cmp -s - "$T/p4.out" || fail "one text predicts otherwise"
ok p5 "$SFT" predict "$T/run" --text "good or
bad	day"
same "fields of a text line" "3 1" "$(awk -F'\t' '{ print NF, NR }' "$T/p5.out")"
ok p6 "$SFT" predict "$T/run" --text good --pair bad --json
[ "$(cat "$T/p6.out")" != "$(cat "$T/p4.out")" ] || fail "a pair changes nothing"

# export: the files, the same numbers, nothing overwritten.
ok x1 "$SFT" export "$T/run" "$T/exported" --json
same "exported weights" "$(weights "$T/run.out")" "$(weights "$T/x1.out")"
ok e4 "$SFT" evaluate "$T/exported" --data "$T/test.csv" --json
cmp -s "$T/e1.out" "$T/e4.out" || fail "the exported model measures otherwise"
refused 2 'exists' x2 "$SFT" export "$T/run" "$T/exported"
refused 2 'no run' x3 "$SFT" export "$T/exported" "$T/other"
grep -q '"id2label"' "$T/exported/config.json" || fail "no id2label"

# A pooling that the class cannot express is refused by name, unless forced.
train mean --tune head --pooling mean --epochs 3 --test "$T/test.csv"
refused 1 'mean' x4 "$SFT" export "$T/mean" "$T/meanmodel"
absent "$T/meanmodel"
ok x5 "$SFT" export "$T/mean" "$T/meanmodel" --force
grep -q 'sft_pooling' "$T/meanmodel/config.json" || fail "sft_pooling is not said"
grep -q 'Not for Transformers' "$T/meanmodel/README.md" || fail "the card does not warn"
ok e5 "$SFT" evaluate "$T/meanmodel" --data "$T/test.csv" --json
sed 's/.*"test": *//; s/, *"peak_rss_mb".*//' "$T/mean.out" | cmp -s - "$T/e5.out" ||
    fail "the forced export measures otherwise"
