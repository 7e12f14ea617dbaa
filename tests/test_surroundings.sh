#!/bin/sh
# All tests where a user's surroundings are not a developer's: from a folder with blanks, = and # in its name, under a
# locale with decimal commas, configs with CRLF and a byte order mark, stdin closed; then as a user who may write
# nothing but his runs; and every command with stdout closed. Needs a finished build, of which it takes a copy.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "test_surroundings: $1" >&2
    exit 1
}

top=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-surroundings-XXXXXX")
own=$(mktemp -d "${TMPDIR:-/tmp}/own-XXXXXX") # short, for it stands in messages
trap 'rm -rf "$top" "$own"' EXIT
tree="$top/a folder = with #blanks"
mkdir "$tree" "$tree/build"
chmod 755 "$top"
cp -pR Makefile README.md configs include src tests tools data "$tree"
cp -pR build/flags build/shardprop build/libshardprop.a build/src build/tests "$tree/build"
touch "$tree/src/cmd/main.c" # so that something is compiled there
rm -rf "$tree/data/mnist"
[ ! -e data/mnist ] || ln -s "$(cd data/mnist && pwd -P)" "$tree/data/mnist"

# ---- Text ----

printf '\357\273\277' >"$top/bom"
for config in "$tree"/configs/*.ini; do
    sed 's/$/\r/' "$config" | cat "$top/bom" - >"$top/config"
    cp "$top/config" "$config"
done
if command -v localedef >/dev/null && localedef -i de_DE -f UTF-8 "$top/de_DE.UTF-8" 2>"$top/log"; then
    export LOCPATH="$top" LC_ALL=de_DE.UTF-8
    [ "$(/usr/bin/printf %.1f 1,5)" = 1,5 ] || fail "the locale is not in force"
    echo "test_surroundings: under $LC_ALL"
else
    echo "test_surroundings: skipped the locale: localedef makes none here (package locales)"
fi

echo "test_surroundings: in '$tree', stdin closed"
(cd "$tree" && make --no-print-directory test "CC=${CC:-cc}" "TESTFLAGS=${TESTFLAGS:-}") <&-

# ---- Rights ----

# Root may write everywhere: the files of the copy stay root's, and nobody runs the tests.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    echo 'test_surroundings: as nobody'
    chown 65534:65534 "$own"
    chmod -R go-w "$tree"
    (cd "$tree" && HOME=/nonexistent TMPDIR="$own" setpriv --reuid=65534 --regid=65534 --clear-groups \
        build/tests/run ${TESTFLAGS:-}) </dev/null
else
    echo 'test_surroundings: skipped to run as nobody, which takes root and setpriv'
fi

# ---- Nowhere to write to ----

cd "$tree"
program=build/shardprop
$program train configs/iris.ini -q -s train.epochs=2 -s output.dir="$top/run" >"$top/out"

# One line on stderr, exit 1, and no crash, without stdout; the same where that is full.
check_closed() {
    for how in closed full; do
        status=0
        if [ $how = closed ]; then
            "$@" >&- 2>"$top/err" || status=$?
        else
            "$@" >/dev/full 2>"$top/err" || status=$?
        fi
        [ $status -eq 1 ] || fail "$*: exit $status, not 1, where stdout is $how: $(cat "$top/err")"
        grep -q '^shardprop: stdout: writing failed (.*); results are incomplete$' "$top/err" ||
            fail "$*: where stdout is $how, it says: $(cat "$top/err")"
        [ "$(grep -c . "$top/err")" -eq 1 ] || fail "$*: more than a line where stdout is $how: $(cat "$top/err")"
    done
}
check_closed $program --help
check_closed $program --version
check_closed $program train --help
check_closed $program train --help-config
check_closed $program train configs/iris.ini -q -s train.epochs=2 -s output.dir="$top/run"
check_closed $program check configs/iris.ini
check_closed $program check configs/iris.ini --gradients
check_closed $program info "$top/run"
check_closed $program evaluate "$top/run" data/iris.csv
check_closed $program evaluate "$top/run" data/iris.csv --json
check_closed $program predict "$top/run" data/iris.csv -q

# With none of the three: what is opened must not be taken for them.
status=0
$program train configs/iris.ini -s train.epochs=2 -s output.dir="$top/none" <&- >&- 2>&- || status=$?
[ $status -eq 1 ] || fail "exit $status, not 1, with stdin, stdout and stderr closed"
for file in model.safetensors summary.json config.ini metrics.csv; do
    [ -s "$top/none/$file" ] || fail "$file is missing where stdin, stdout and stderr were closed"
    ! grep -aq '^shardprop: ' "$top/none/$file" || fail "$file has what was meant for stderr"
done
$program evaluate "$top/none" data/iris.csv >"$top/out"
echo 'test_surroundings: all passed'
