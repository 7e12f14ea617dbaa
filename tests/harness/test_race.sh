#!/bin/sh
# ThreadSanitizer is silent on a right hand-over, and finds a race that is planted.
set -u
race=${BUILD:-build/tsan}/tests/harness/race
export TSAN_OPTIONS=ignore_noninstrumented_modules=1

for attempt in 1 2 3 4 5; do
    told=$("$race" 2>&1) && [ "$told" = 4000 ] || {
        case $told in
        *'unexpected memory mapping'*)
            echo 'race: ThreadSanitizer finds no room for itself, for the kernel draws addresses from too many:' \
                'as root, run sysctl vm.mmap_rnd_bits=28' >&2
            ;;
        esac
        echo "race: attempt $attempt: a right program is reported: $told" >&2
        exit 1
    }
done
echo 'ok - silent on lists that wait for one another, five times'
told=$("$race" race 2>&1)
status=$?
case $status:$told in
66:*'data race'*) echo 'ok - a planted race is found' ;;
*)
    echo "race: the planted race is not found (exit status $status): $told" >&2
    exit 1
    ;;
esac
