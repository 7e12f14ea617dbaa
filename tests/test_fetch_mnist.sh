#!/usr/bin/env bash
# tools/fetch-mnist on small files of its own: no network, no MNIST.
set -u
cd "$(dirname "$0")/.." || exit 1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-fetch-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
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
refused() { ! fetch "$@"; }
# whole FOLDER: all four files are there and right, and nothing else.
whole() {
    local name
    for name in $names; do
        gzip -dc "$1/$name.gz" 2>/dev/null | cmp -s - "$scratch/plain/$name" || return 1
    done
    [ "$(find "$1" -type f ! -name .lock | wc -l)" -eq 4 ]
}

check 'fetches from a folder with a blank in its name' fetch "file://$source" "$scratch/one"
check 'all four files are right' whole "$scratch/one"
check 'what is right is not fetched again' fetch "file://$scratch/nowhere" "$scratch/one"

check 'a mirror with wrong files is refused' refused "file://$scratch/bad/" "$scratch/two"
check 'the message names both checksums' grep -q 'has the SHA-256 .* would be right' "$scratch/said"
check 'nothing wrong stands under a final name' test -z "$(find "$scratch/two" -name '*.gz')"
check 'a missing mirror is refused' refused "file://$scratch/nowhere" "$scratch/two"

echo junk >"$scratch/one/train-labels-idx1-ubyte.gz"
check 'a failure leaves the other files' refused "file://$scratch/bad" "$scratch/one"
check 'a damaged file is fetched again' fetch "file://$source" "$scratch/one"
check 'and is right then' whole "$scratch/one"

mkdir "$scratch/three"
head -c 70000 "$source/train-images-idx3-ubyte.gz" >"$scratch/three/train-images-idx3-ubyte.gz.part"
echo garbage >"$scratch/three/t10k-images-idx3-ubyte.gz.part"
cp "$source/t10k-labels-idx1-ubyte.gz" "$scratch/three/t10k-labels-idx1-ubyte.gz.part"
check 'goes on from half a file, from a whole one, from garbage' fetch "file://$source" "$scratch/three"
check 'and all are right' whole "$scratch/three"

check 'takes unpacked files too' fetch "file://$scratch/plain" "$scratch/four"
check 'and packs them' whole "$scratch/four"

fetch "file://$source" "$scratch/five" &
other=$!
MNIST_URL="file://$source" tools/fetch-mnist "$scratch/five" 2>/dev/null
check 'two at once do not harm each other' wait "$other"
check 'and leave whole files' whole "$scratch/five"

tools/fetch-mnist --nonsense 2>"$scratch/said"
check 'an unknown option is wrong usage' test $? -eq 2
exit $failed
