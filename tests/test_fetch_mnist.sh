#!/usr/bin/env bash
# tools/fetch-mnist on small files of its own: no network, no MNIST.
# shellcheck disable=SC2317 # check calls the functions
set -u
cd "$(dirname "$0")/.." || exit 1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-fetch-XXXXXX") || exit 1
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
failed=0

# check WHAT COMMAND...: the command must succeed.
check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok - $what"
    else
        echo "not ok - $what"
        failed=1
    fi
}

names='t10k-images-idx3-ubyte t10k-labels-idx1-ubyte train-images-idx3-ubyte train-labels-idx1-ubyte'
source="$scratch/a mirror"
mkdir "$source" "$scratch/plain" "$scratch/bad"
for name in $names; do
    head -c 200000 /dev/urandom >"$scratch/plain/$name"
    gzip -nc "$scratch/plain/$name" >"$source/$name.gz"
    echo damaged | gzip -n >"$scratch/bad/$name.gz"
done
(cd "$scratch/plain" && sha256sum -- *) >"$scratch/sums"
export MNIST_SHA256SUMS="$scratch/sums"

# fetch URL FOLDER: what it says goes to $scratch/said.
fetch() { MNIST_URL=$1 tools/fetch-mnist "$2" >"$scratch/said" 2>&1; }
refused() {
    fetch "$@"
    [ $? -eq 1 ]
}
misused() {
    tools/fetch-mnist "$@" >"$scratch/said" 2>&1
    [ $? -eq 2 ]
}
# whole FOLDER: all four files are there and right, and nothing else.
whole() {
    local name
    for name in $names; do
        gzip -dc "$1/$name.gz" 2>/dev/null | cmp -s - "$scratch/plain/$name" || return 1
    done
    [ "$(find "$1" -type f ! -name .lock | wc -l)" -eq 4 ]
}

# right FOLDER NAME: that file is there and right.
right() { gzip -dc "$1/$2.gz" 2>/dev/null | cmp -s - "$scratch/plain/$2"; }

check 'fetches from a folder with a blank in its name' fetch "file://$source" "$scratch/one"
check 'all four files are right' whole "$scratch/one"
check 'what is right is not fetched again' fetch "file://$scratch/nowhere" "$scratch/one"
check 'and nothing is said' test ! -s "$scratch/said"

check 'a mirror with wrong files is refused' refused "file://$scratch/bad/" "$scratch/two"
check 'the message names the file and both checksums' \
    grep -q 'train-labels-idx1-ubyte.gz: it has the SHA-256 .* would be right' "$scratch/said"
check 'nothing wrong stays' test -z "$(find "$scratch/two" -name '*ubyte*')"
check 'a missing mirror is refused' refused "file://$scratch/nowhere" "$scratch/two"
mkdir "$scratch/bad plain"
for name in $names; do echo damaged >"$scratch/bad plain/$name"; done
check 'so are wrong unpacked files' refused "file://$scratch/bad plain" "$scratch/two"
check 'by their checksums too' grep -q 'train-labels-idx1-ubyte: it has the SHA-256' "$scratch/said"
check 'and nothing of them stays' test -z "$(find "$scratch/two" -name '*ubyte*')"

echo junk >"$scratch/one/train-labels-idx1-ubyte.gz"
check 'a damaged file is noticed' refused "file://$scratch/bad" "$scratch/one"
check 'a failure leaves the other files' right "$scratch/one" train-images-idx3-ubyte
check 'a damaged file is fetched again' fetch "file://$source" "$scratch/one"
check 'and is right then' whole "$scratch/one"

mkdir "$scratch/three"
head -c 70000 "$source/train-images-idx3-ubyte.gz" >"$scratch/three/train-images-idx3-ubyte.gz.part"
echo garbage >"$scratch/three/t10k-images-idx3-ubyte.gz.part"
cat "$source/t10k-images-idx3-ubyte.gz" "$source/t10k-images-idx3-ubyte.gz" \
    >"$scratch/three/train-labels-idx1-ubyte.gz.part"
cp "$source/t10k-labels-idx1-ubyte.gz" "$scratch/three/t10k-labels-idx1-ubyte.gz.part"
check 'goes on from half a file, a whole one, garbage, too much' fetch "file://$source" "$scratch/three"
check 'and all are right' whole "$scratch/three"

# A mirror whose first half is wrong serves only who does not ask for it.
mkdir "$scratch/halves" "$scratch/resumed"
for name in $names; do
    { head -c 70000 /dev/zero && tail -c +70001 "$source/$name.gz"; } >"$scratch/halves/$name.gz"
    head -c 70000 "$source/$name.gz" >"$scratch/resumed/$name.gz.part"
done
check 'resumes: does not fetch again what it has' fetch "file://$scratch/halves" "$scratch/resumed"
check 'and the halves fit' whole "$scratch/resumed"

mkdir "$scratch/offline"
head -c 70000 "$source/train-images-idx3-ubyte.gz" >"$scratch/offline/train-images-idx3-ubyte.gz.part"
# Nobody listens on port 1.
check 'a mirror that does not answer is refused' refused http://127.0.0.1:1 "$scratch/offline"
check 'what was fetched before is kept for the next try' \
    test "$(wc -c <"$scratch/offline/train-images-idx3-ubyte.gz.part")" -eq 70000

check 'takes unpacked files too' fetch "file://$scratch/plain" "$scratch/four"
check 'and packs them' whole "$scratch/four"
mkdir "$scratch/misnamed"
for name in $names; do cp "$scratch/plain/$name" "$scratch/misnamed/$name.gz"; done
check 'takes unpacked files that are named .gz' fetch "file://$scratch/misnamed" "$scratch/six"
check 'and packs those' whole "$scratch/six"

# A limit on the size of files stands for a full disk.
mkdir "$scratch/full"
cp "$scratch/plain/"* "$scratch/full/"
full() {
    (
        trap '' XFSZ
        ulimit -f 100
        fetch "file://$scratch/plain" "$scratch/full"
        [ $? -eq 1 ]
    )
}
for name in $names; do mv "$scratch/full/$name" "$scratch/full/$name.part"; done
check 'a full disk is a failure' full
check 'and leaves no half file' test -z "$(find "$scratch/full" -name '*.gz')"

fetch "file://$source" "$scratch/five" &
other=$!
MNIST_URL="file://$source" tools/fetch-mnist "$scratch/five" 2>/dev/null
check 'two at once do not harm each other' wait "$other"
check 'and leave whole files' whole "$scratch/five"

# Python's server knows no ranges, so that nothing can be resumed.
if command -v python3 >/dev/null; then
    (cd "$source" && exec python3 -u -m http.server --bind 127.0.0.1 0) >"$scratch/server" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        port=$(sed -n 's/^Serving HTTP on .* port \([0-9]*\) .*/\1/p' "$scratch/server")
        [ -z "$port" ] || break
        sleep 0.1
    done
    mkdir "$scratch/http"
    head -c 70000 "$source/train-images-idx3-ubyte.gz" >"$scratch/http/train-images-idx3-ubyte.gz.part"
    check 'over HTTP, starts again where the server cannot resume' fetch "http://127.0.0.1:$port/" "$scratch/http"
    check 'and all are right over HTTP' whole "$scratch/http"
else
    echo 'ok - over HTTP # skipped: no python3'
fi

check 'an unknown option is wrong usage' misused --nonsense
check 'so are two folders' misused "$scratch/one" "$scratch/two"
helps() { tools/fetch-mnist --help | grep -q '^Usage: '; }
check 'help is no failure' helps
MNIST_URL=$source check 'a path is not a URL' misused "$scratch/seven"
head -n 3 "$scratch/sums" >"$scratch/three sums"
MNIST_SHA256SUMS="$scratch/three sums" check 'a missing checksum is a failure' refused "file://$source" "$scratch/one"
MNIST_SHA256SUMS="$scratch/nowhere" check 'so are missing checksums' refused "file://$source" "$scratch/one"
exit $failed
