# sft pull: a model from a hub on the loopback that cuts, lies, redirects and refuses.
. tests/cli/lib.sh
SERVER=${SFT_BUILD:-build/release}/tests/cli/hub_server
[ -x "$SERVER" ] || skip "$SERVER is not built"

# Nothing of the user's reaches the hub, and no proxy stands before it.
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HUB_OFFLINE XDG_CACHE_HOME
export HOME="$T/home" HF_HOME="$T/hf"
mkdir "$HOME" "$HF_HOME"

servers=
cleanup() {
    for pid in $servers; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$T"
}

REPO="$T/repo"
mkdir "$REPO"
cp "$TINY"/* "$REPO"
echo "a licence" >"$REPO/LICENSE"
: >"$REPO/README.md"
for unwanted in model.onnx tf_model.h5 flax_model.msgpack pytorch_model.bin training_args.bin; do
    echo "not this" >"$REPO/$unwanted"
done
size=$(wc -c <"$REPO/model.safetensors")

# serve NAME REPO FAULT...: a server; its port is in $port, its log $T/NAME.log.
serve() {
    serve_name=$1
    serve_repo=$2
    shift 2
    : >"$T/$serve_name.log"
    "$SERVER" "$serve_repo" "$T/$serve_name.log" "$@" >"$T/port" &
    server=$!
    servers="$servers $server"
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s "$T/port" ] && break
        sleep 0.05
    done
    port=$(cat "$T/port")
    [ -n "$port" ] || fail "the server did not start"
    : >"$T/port"
}

# hub NAME FAULT...: the same, and it is the hub from now on.
hub() {
    hub_name=$1
    shift
    serve "$hub_name" "$REPO" "$@"
    export HF_ENDPOINT="http://127.0.0.1:$port"
}

with() { # VARIABLE=VALUE COMMAND...
    (
        export "$1"
        shift
        "$@"
    )
}

is_model() { # DIR: all that is needed, byte for byte, and nothing else
    for file in "$TINY"/* "$REPO/LICENSE" "$REPO/README.md"; do
        cmp "$file" "$1/${file##*/}" || fail "$1: ${file##*/} differs"
    done
    same "files in $1" "$(cd "$TINY" && ls . && echo LICENSE && echo README.md)" \
        "$(cd "$1" && ls -A | sort -f | grep -v 'LICENSE\|README' && echo LICENSE && echo README.md)"
    [ ! -e "$1/model.safetensors.part" ] || fail "$1: a part is left"
}

no_weights() { # DIR: the weights are not there, nor part of them
    absent "$1/model.safetensors" "$1/model.safetensors.part" "$1/model.safetensors.part.source"
}

seen() { # NAME PATTERN: a request that the server NAME had
    grep -q -- "$2" "$T/$1.log" || fail "$1: no request like '$2' in: $(cat "$T/$1.log")"
}

unseen() {
    ! grep -q -- "$2" "$T/$1.log" || fail "$1: a request like '$2': $(grep -- "$2" "$T/$1.log")"
}

requests() { # NAME PATTERN: how many there were
    grep -c -- "$2" "$T/$1.log" || true
}

pull() { # NAME FLAG...: into $T/NAME
    pull_name=$1
    shift
    ok "$pull_name" "$SFT" pull owner/tiny "$T/$pull_name" "$@"
    is_model "$T/$pull_name"
}

no_pull() { # CODE PATTERN NAME FLAG...: refused in one line, whatever was noted before it
    no_code=$1 no_pattern=$2 no_name=$3
    shift 3
    run "$no_name" "$SFT" pull owner/tiny "$T/$no_name" "$@"
    [ "$code" = "$no_code" ] || fail "$no_name ended with $code: $(cat "$T/$no_name.err")"
    [ "$(grep -c '^sft: ' "$T/$no_name.err")" = 1 ] || fail "$no_name: $(cat "$T/$no_name.err")"
    [ ! -s "$T/$no_name.out" ] || fail "$no_name: printed $(cat "$T/$no_name.out")"
    grep '^sft: ' "$T/$no_name.err" | grep -q -- "$no_pattern" ||
        fail "$no_name: no '$no_pattern' in: $(cat "$T/$no_name.err")"
}

# ---- nothing goes wrong ----
hub plain
pull plain --json
same model_type bert "$(json model_type "$T/plain.out")"
same fetched "$(cat "$TINY"/* "$REPO/LICENSE" | wc -c)" "$(json fetched_bytes "$T/plain.out")"
grep -q "\"sha256\": \"$(sha256sum <"$REPO/model.safetensors" | cut -c 1-64)\"" "$T/plain.out" ||
    fail "no SHA-256 in $(cat "$T/plain.out")"
[ ! -s "$T/plain.err" ] || fail "said: $(cat "$T/plain.err")"
unseen plain "onnx\|tf_model\|flax\|pytorch\|training_args"
ok tokens "$SFT" tokenize "$T/plain" "$TINY/vocab.txt" # what came is a model
before=$(requests plain resolve)
pull plain # again: all is there
same "files fetched again" "$before" "$(requests plain resolve)"
grep -q "^next  *sft train --model $T/plain " "$T/plain.out" || fail "no next command"
ok revision "$SFT" pull owner/tiny "$T/revision" --revision refs/pr/1
seen plain "revision/refs%2Fpr%2F1?"
refused 1 "no revision 'nope'.*--revision" norev "$SFT" pull owner/tiny "$T/norev" --revision nope
refused 1 "no model 'owner/absent'.*spelling.*HF_TOKEN" absent "$SFT" pull owner/absent "$T/absent"
absent "$T/norev" "$T/absent"

# ---- what is there already ----
echo "mine" >"$T/plain/vocab.txt"
no_pull 2 "vocab.txt' is there already.*--force" plain
same "a file of the user" mine "$(cat "$T/plain/vocab.txt")"
pull plain --force
printf 'x' >>"$T/plain/model.safetensors"
no_pull 2 "model.safetensors' is there already" plain
pull plain --force

# ---- the connection ----
hub cut model.safetensors:cut=5000 model.safetensors:cut=40000
pull cut
seen cut 'model.safetensors range=bytes=5000- if-range="[0-9a-f]*" .* 206'
seen cut 'model.safetensors range=bytes=45000- .* 206'
hub list_cut list:cut=10
pull list_cut
hub always_cut 'model.safetensors:cut=3000*0'
no_pull 1 "cannot fetch 'model.safetensors'" always_cut --retries 2
same "tries" 3 "$(requests always_cut model.safetensors)"
same "bytes kept" 9000 "$(wc -c <"$T/always_cut/model.safetensors.part" | tr -d ' ')"
absent "$T/always_cut/model.safetensors"
hub later # another process, another server: it goes on
mv "$T/always_cut" "$T/later"
pull later
same "requests for the rest" 1 "$(requests later model.safetensors)"
seen later 'model.safetensors range=bytes=9000- if-range="[0-9a-f]*" .* 206'
hub stall model.safetensors:stall=7000
pull stall --timeout 1
seen stall 'model.safetensors range=bytes=7000- .* 206'
hub stall_list 'list:stall=0*0'
no_pull 1 "cannot ask http://127.0.0.1" stall_list --timeout 1 --retries 0
absent "$T/stall_list"
hub sick config.json:status=500 vocab.txt:status=503
pull sick
hub dead 'config.json:status=500*0'
no_pull 1 "in trouble (status 500)" dead --retries 1
same "tries" 2 "$(requests dead config.json)"
absent "$T/dead/config.json"
hub busy config.json:busy=2
begin=$(date +%s)
pull busy
[ $(($(date +%s) - begin)) -ge 2 ] || fail "Retry-After was not kept"
hub long_wait 'list:busy=4000*0'
no_pull 1 "try again in 4000 s.*HF_TOKEN" long_wait
same "tries" 1 "$(requests long_wait api/models)"

# ---- wrong bytes ----
hub wrong model.safetensors:wrong=60000
pull wrong
same "fetched twice" 2 "$(requests wrong model.safetensors)"
unseen wrong "range=bytes"
hub liar 'model.safetensors:wrong=60000*0'
no_pull 1 "model.safetensors'.*not those the hub lists (SHA-256)" liar
same "fetched twice" 2 "$(requests liar model.safetensors)"
no_weights "$T/liar"
hub small_liar 'vocab.txt:wrong=3*0'
no_pull 1 "vocab.txt'.*not those the hub lists (git's SHA-1)" small_liar
absent "$T/small_liar/vocab.txt"
hub spliced model.safetensors:cut=50000 model.safetensors:wrong=60000
pull spliced # the rest was wrong: all of it once more
for kind in long short; do
    hub $kind model.safetensors:$kind
    pull $kind
    hub always_$kind "model.safetensors:$kind*0"
    no_pull 1 "model.safetensors'.*bytes than the file has" always_$kind
    no_weights "$T/always_$kind"
done

# ---- ranges ----
hub norange model.safetensors:cut=5000 'model.safetensors:norange*0'
pull norange
same "requests" 2 "$(requests norange model.safetensors)"
for what in first last total; do
    hub badrange_$what model.safetensors:cut=5000 model.safetensors:badrange=$what
    pull badrange_$what
    same "requests" 3 "$(requests badrange_$what model.safetensors)"
done
hub etag model.safetensors:cut=5000 'model.safetensors:etag="new"*0'
pull etag # the server says it is another file: it sends all, and all is taken
same "requests" 2 "$(requests etag model.safetensors)"
seen etag 'range=bytes=5000- if-range="[0-9a-f]*" .* 200'
hub splice model.safetensors:cut=5000 'model.safetensors:splice="new"'
pull splice # the server sends the rest of another file: it is not put after the first
same "requests" 3 "$(requests splice model.safetensors)"
hub weak 'model.safetensors:etag=W/"soft"' model.safetensors:cut=5000
pull weak

# ---- redirects and the token ----
echo hf_SECRET >"$HF_HOME/token"
serve cdn "$REPO"
cdn=http://127.0.0.1:$port
hub redirect "model.safetensors:redirect=$cdn" config.json:cut=100
pull redirect
seen redirect "model.safetensors .*token=Bearer hf_SECRET -> 302"
seen redirect "api/models.*token=Bearer hf_SECRET -> 200"
seen cdn "model.safetensors .* -> 200"
unseen cdn SECRET
hub again "model.safetensors:redirect=$HF_ENDPOINT" # another port is another origin, this machine or not
with HF_TOKEN=hf_OTHER pull again
seen again "token=Bearer hf_OTHER"
unseen again hf_SECRET
hub loop "model.safetensors:redirect=*0"
no_pull 1 "without end" loop
[ "$(requests loop model.safetensors)" -le 10 ] || fail "followed $(requests loop safetensors) times"
for scheme in file ftp gopher; do
    hub $scheme "config.json:redirect=$scheme://127.0.0.1:1"
    no_pull 1 "not safe to follow" $scheme
done
rm "$HF_HOME/token"
printf 'hf_A\nInjected: header' >"$T/bad_token"
with HF_TOKEN_PATH="$T/bad_token" refused 2 "bad_token holds no token" badtoken "$SFT" pull owner/tiny "$T/x"
with HF_TOKEN='two words' refused 2 "HF_TOKEN holds no token" badtoken "$SFT" pull owner/tiny "$T/x"
mkdir -p "$HOME/.cache/huggingface"
printf '  hf_HOME\n\n' >"$HOME/.cache/huggingface/token"
hub home_token
(unset HF_HOME && pull home_token)
seen home_token "token=Bearer hf_HOME ->"

# ---- refusals, each with its remedy ----
hub gated 'config.json:status=403/GatedRepo*0'
no_pull 1 "'owner/tiny' is gated: accept its terms at $HF_ENDPOINT/owner/tiny .*HF_TOKEN" gated
hub private 'list:status=401*0'
no_pull 1 "no model 'owner/tiny'.*set HF_TOKEN" private
with HF_TOKEN=hf_X no_pull 1 "whether the account of the token may see it" private
hub forbidden 'list:status=403*0'
no_pull 1 "does not let one without a token read" forbidden
hub gone 'list:status=404*0'
no_pull 1 "look at the spelling (owner/model)" gone
hub odd 'list:status=418*0'
no_pull 1 "status 418; is HF_ENDPOINT a hub?" odd
hub online
with HF_HUB_OFFLINE=1 no_pull 1 "HF_HUB_OFFLINE is set, so 'owner/tiny' is not fetched; unset it" offline
with HF_HUB_OFFLINE=0 pull offline_not
with HF_ENDPOINT=ftp://127.0.0.1 no_pull 2 "HF_ENDPOINT is 'ftp://127.0.0.1'; expected" endpoint
with HF_ENDPOINT=http://me:pw@127.0.0.1 no_pull 2 "user's name before an '@'; leave it out" endpoint
grep -q 'me:pw' "$T/endpoint.err" && fail "a password is repeated: $(cat "$T/endpoint.err")"
with HF_ENDPOINT=http://127.0.0.1:1 no_pull 1 "look at the network" closed
for name in ../up /abs a/b/c . .. 'a b' owner/ 'https://huggingface.co/a/b' ''; do
    refused 2 "is no model's name" name "$SFT" pull "$name" "$T/x"
done
refused 2 "needs a model's name and a directory" usage "$SFT" pull owner/tiny
refused 2 "--retries is 'many'" usage "$SFT" pull owner/tiny "$T/x" --retries many
refused 2 "--timeout is '0'" usage "$SFT" pull owner/tiny "$T/x" --timeout 0
refused 2 "revision is empty" usage "$SFT" pull owner/tiny "$T/x" --revision ''
absent "$T/x" "$T/gated/config.json" "$T/private" "$T/endpoint" "$T/closed"

# ---- models that are none of ours ----
cp -r "$REPO" "$T/own"
REPO="$T/own"
sed -i 's/"model_type": "bert"/"model_type": "no-such-type"/' "$REPO/config.json"
hub foreign
no_pull 1 "'owner/tiny' was not fetched.*no-such-type.*supported" foreign
absent "$T/foreign"
unseen foreign model.safetensors
mkdir "$T/mine"
echo "mine" >"$T/mine/notes.txt"
no_pull 1 "no-such-type" mine
same "a file of the user" mine "$(cat "$T/mine/notes.txt")"
cp "$TINY/config.json" "$REPO"
mv "$REPO/model.safetensors" "$REPO/pytorch_model.bin"
hub bin # weights of the older kind, when there are no others
ok bin "$SFT" pull owner/tiny "$T/bin"
cmp "$REPO/pytorch_model.bin" "$T/bin/pytorch_model.bin" || fail "pytorch_model.bin differs"
rm "$REPO/pytorch_model.bin"
hub weightless
no_pull 1 "has no model.safetensors or pytorch_model.bin" weightless
rm "$REPO/config.json"
no_pull 1 "has no config.json" weightless
cp "$TINY/config.json" "$REPO"
rm "$REPO/tokenizer.json" "$REPO/vocab.txt"
no_pull 1 "has no tokenizer.json, vocab.txt" weightless
absent "$T/weightless"
cp "$TINY/tokenizer.json" "$TINY/vocab.txt" "$REPO"

# ---- weights in several files ----
head -c 50000 "$TINY/model.safetensors" >"$REPO/model-00001-of-00002.safetensors"
tail -c +50001 "$TINY/model.safetensors" >"$REPO/model-00002-of-00002.safetensors"
index() { # FILE1 FILE2
    printf '{"metadata": {}, "weight_map": {"a": "%s", "b": "%s", "c": "%s"}}' "$1" "$2" "$1" \
        >"$REPO/model.safetensors.index.json"
}
index model-00001-of-00002.safetensors model-00002-of-00002.safetensors
hub shards model-00002-of-00002.safetensors:cut=10000
ok shards "$SFT" pull owner/tiny "$T/shards" --json
cat "$T/shards"/model-*.safetensors | cmp - "$TINY/model.safetensors" || fail "the shards differ"
same "shard requests" 3 "$(requests shards "model-0000")"
for name in ../../evil /etc/passwd .hidden absent.safetensors 'a b' ''; do
    index model-00001-of-00002.safetensors "$name"
    no_pull 1 "names '$name', which 'owner/tiny' does not have" hostile
    absent "$T/hostile/model-00001-of-00002.safetensors" "$T/evil"
    rm -r "$T/hostile"
done
for text in '{"weight_map": []}' '{}' '[]' '{' ''; do
    echo "$text" >"$REPO/model.safetensors.index.json"
    no_pull 1 "model.safetensors.index.json" hostile
    rm -r "$T/hostile"
done
rm "$REPO"/model*

# ---- lists that are none, or hostile ----
commit=0123456789abcdef0123456789abcdef01234567
sha256=$(sha256sum <"$TINY/model.safetensors" | cut -c 1-64)
bad_list() { # PATTERN TEXT
    printf '%s' "$2" >"$REPO/.list"
    no_pull 1 "$1" bad_list
    absent "$T/bad_list"
}
file() { # NAME SIZE [SHA256]
    printf '{"rfilename": "%s", "size": %s, "lfs": {"sha256": "%s"}},' "$1" "$2" "${3:-$sha256}"
}
list() { # FILE...: a list that also has what a model needs
    printf '{"sha": "%s", "siblings": [%s %s {"rfilename": "..", "size": 1}]}' $commit \
        "$(file tokenizer.json 5516 "$(sha256sum <"$TINY/tokenizer.json" | cut -c 1-64)")" "$*"
}
hub bad_list
bad_list "is HF_ENDPOINT a hub?" "<html>"
bad_list "is HF_ENDPOINT a hub?" ""
bad_list "lists no files" '{"siblings": 3}'
bad_list "names no commit" '{"siblings": []}'
bad_list "names no commit" '{"siblings": [], "sha": "../../up"}'
bad_list "has no config.json" "{\"siblings\": [1, {}, {\"rfilename\": 5}, null], \"sha\": \"$commit\"}"
bad_list "no size and hash for 'config.json'" "$(list '{"rfilename": "config.json", "size": 840},')"
bad_list "no size and hash for 'config.json'" "$(list "$(file config.json -1)")"
bad_list "no size and hash for 'config.json'" "$(list "$(file config.json 840 xyz)")"
bad_list "has no config.json" "$(list "$(file ../config.json 840)" "$(file /config.json 840)")"
bad_list "disk of .* make room" "$(list "$(file config.json 840)" "$(file model.safetensors 8000000000000000)")"
no_pull 1 "takes 8.00 PB more" bad_list
rm "$REPO/.list"
cp "$TINY/model.safetensors" "$REPO"

# ---- a disk that is full, a file in the way, two at a time ----
hub small_disk
run limit sh -c "ulimit -f 64 && exec '$SFT' pull owner/tiny '$T/limit'"
[ "$code" = 1 ] || fail "on a full disk: $code: $(cat "$T/limit.err")"
grep -q "^sft: cannot fetch 'model.safetensors': cannot write" "$T/limit.err" || fail "$(cat "$T/limit.err")"
absent "$T/limit/model.safetensors"
pull limit # with room it goes on
seen small_disk "model.safetensors range=bytes=[1-9]"
mkdir "$T/way" "$T/way/config.json.part"
no_pull 1 "config.json.part" way
ln -s "$T/elsewhere" "$T/way/tokenizer.json.part"
rmdir "$T/way/config.json.part"
no_pull 1 "tokenizer.json.part" way # a link is not written through
absent "$T/elsewhere"

# ---- stopping ----
for signal in INT TERM KILL; do
    hub stop_$signal model.safetensors:stall=30000
    "$SFT" pull owner/tiny "$T/stop_$signal" 2>"$T/stop.err" >"$T/stop.out" &
    pid=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ "$(cat "$T/stop_$signal/model.safetensors.part" 2>/dev/null | wc -c)" -ge 30000 ] && break
        sleep 0.1
    done
    if [ $signal = INT ]; then
        no_pull 1 "another process is fetching into" stop_INT
    fi
    kill -$signal $pid
    code=0
    wait $pid 2>/dev/null || code=$?
    if [ $signal != KILL ]; then
        [ "$code" = 1 ] || fail "after SIG$signal: $code"
        grep -q "^sft: stopped; 30000 of $size bytes are in '$T/stop_$signal/model.safetensors.part', and the same command goes on" \
            "$T/stop.err" || fail "after SIG$signal: $(cat "$T/stop.err")"
    fi
    same "bytes kept" 30000 "$(wc -c <"$T/stop_$signal/model.safetensors.part" | tr -d ' ')"
    absent "$T/stop_$signal/model.safetensors"
    pull stop_$signal
    seen stop_$signal "model.safetensors range=bytes=30000- "
done
hub moved # what the part belongs to is no longer what the hub lists
mkdir "$T/moved"
head -c 30000 /dev/zero >"$T/moved/model.safetensors.part"
printf '%064d\n"x"\n' 0 >"$T/moved/model.safetensors.part.source"
pull moved
unseen moved "range=bytes"
hub spoilt # bytes that went bad on the disk
mkdir "$T/spoilt"
head -c 30000 /dev/zero >"$T/spoilt/model.safetensors.part"
printf '%s\n\n' "$sha256" >"$T/spoilt/model.safetensors.part.source"
pull spoilt
same "requests" 2 "$(requests spoilt model.safetensors)"

# ---- a proxy ----
hub proxy
with http_proxy="$HF_ENDPOINT" with HF_ENDPOINT=http://127.0.0.1:1 pull proxy
seen proxy "^proxy /owner/tiny/resolve/.*model.safetensors"

# ---- the help fits a terminal ----
ok help "$SFT" pull --help
[ "$(awk 'length > 80' "$T/help.out" | wc -l)" = 0 ] || fail "lines over 80: $(awk 'length > 80' "$T/help.out")"
grep -q -- "--revision REV" "$T/help.out" || fail "no --revision in the help"
