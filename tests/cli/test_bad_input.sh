# Bad input: one line on stderr that names file, line and remedy; exit 1 or 2; nothing left behind.
. tests/cli/lib.sh
data

bad() { # NAME CODE PATTERN FLAG...
    bad_name=$1 bad_code=$2 bad_pattern=$3
    shift 3
    refused "$bad_code" "$bad_pattern" "$bad_name" "$SFT" train --model "$TINY" --out "$T/out" \
        --epochs 1 --json "$@"
    absent "$T/out"
    [ -z "$(ls -a "$T" | grep '^out')" ] || fail "$bad_name: left $(ls -a "$T" | grep '^out')"
}

bad column 1 "train.csv.*text.*label" --train "$T/train.csv" --label category
{ cat "$T/train.csv"; echo 'one,two,three'; } >"$T/ragged.csv"
bad ragged 1 "ragged.csv:202" --train "$T/ragged.csv"
{ cat "$T/train.csv"; printf 'caf\351,neutral\n'; } >"$T/latin.csv"
bad utf8 1 "latin.csv:202:4" --train "$T/latin.csv"
{ cat "$T/test.csv"; echo 'so angry,angry'; } >"$T/unknown.csv"
bad unknown 1 "unknown.csv:52.*angry" --train "$T/train.csv" --test "$T/unknown.csv"
: >"$T/empty.csv"
bad empty 1 "empty.csv" --train "$T/empty.csv"
head -1 "$T/train.csv" >"$T/header.csv"
bad header 1 "header.csv" --train "$T/header.csv"
grep 'text,label\|neutral' "$T/train.csv" >"$T/one.csv"
bad one 1 "one.csv.*neutral" --train "$T/one.csv"
bad missing 1 "nowhere.csv" --train "$T/nowhere.csv"

model() { # NAME PATTERN: a training with the model in $T/NAME
    refused 1 "$2" "$1" "$SFT" train --model "$T/$1" --train "$T/train.csv" --out "$T/out" --epochs 1
    absent "$T/out"
}
cp -r "$TINY" "$T/truncated"
head -c 50000 "$TINY/model.safetensors" >"$T/truncated/model.safetensors"
model truncated "truncated/model.safetensors"
cp -r "$TINY" "$T/tiny"
head -c 5 "$TINY/model.safetensors" >"$T/tiny/model.safetensors"
model tiny "tiny/model.safetensors"
mkdir "$T/nomodel"
model nomodel "config.json"
model absent "absent"
cp -r "$TINY" "$T/gpt"
sed -i 's/"model_type": "bert"/"model_type": "gpt2"/' "$T/gpt/config.json"
model gpt "gpt2"

# The commands that read.
train run --epochs 1
refused 1 "ragged.csv:202" e1 "$SFT" evaluate "$T/run" --data "$T/ragged.csv"
refused 1 "unknown.csv:52.*angry" e2 "$SFT" evaluate "$T/run" --data "$T/unknown.csv"
refused 1 "truncated/model.safetensors" e3 "$SFT" evaluate "$T/truncated" --data "$T/test.csv"
refused 1 "nowhere" e4 "$SFT" predict "$T/nowhere" --text hello
refused 2 "--text" e5 "$SFT" predict "$T/run"
refused 2 "--data" e6 "$SFT" evaluate "$T/run"
