#!/bin/sh
# layers.sh - fails when an include breaks the order of the rooms.
#
# A room of src/engine may include itself and the rooms above it in `rooms`. src/ui sees base, text,
# data, eval and train; only src/ui/term.c sees curses. src/engine knows neither src/ui nor src/cli,
# prints nothing and never exits. Settings' types come through train, so model and math are not
# included by src/ui itself.
set -eu
rooms="base math text data model eval train"
status=0

complain() {
    echo "layers: $1" >&2
    status=1
}

includes() { # file: the project's own includes
    sed -n 's/^#include "\(.*\)".*/\1/p' "$1"
}

allowed=
for room in $rooms; do
    allowed="$allowed $room"
    for file in src/engine/"$room"/*.[ch]; do
        [ -f "$file" ] || continue
        for include in $(includes "$file"); do
            other=$(echo "$include" | sed -n 's|^engine/\([^/]*\)/.*|\1|p')
            case " $allowed " in
            *" $other "*) ;;
            *) [ -z "$other" ] && [ -f "src/engine/$room/$include" ] ||
                complain "$file includes $include: $room may include only:$allowed" ;;
            esac
        done
    done
done

for file in src/ui/*.[ch]; do
    [ -f "$file" ] || continue
    for include in $(includes "$file"); do
        case $include in
        ui/* | engine/base/* | engine/text/* | engine/data/* | engine/eval/* | engine/train/*) ;;
        *) complain "$file includes $include: src/ui sees only base, text, data, eval and train" ;;
        esac
    done
done

for file in $(grep -lE '#include *[<"](n?curses|ncursesw/|term)' -r src || true); do
    [ "$file" = src/ui/term.c ] || complain "$file includes curses: only src/ui/term.c may"
done
for file in $(grep -lE '\b(printf|puts|putchar|exit|abort) *\(' -r src/engine --include='*.c' || true); do
    grep -nE '(^|[^a-z_])(printf|puts|putchar|exit|abort) *\(' "$file" >/dev/null &&
        complain "$file prints or exits: the engine does neither"
done
exit $status
