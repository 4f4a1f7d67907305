#!/bin/sh
# Connects an OCI container: createRuntime calls it with ADD, poststop with DEL; further words go to `vetch cni run`.
# The runtime writes the container's state to standard input: {"id": "web", "pid": 4711, ...}
set -eu
verb=$1
shift
state=$(tr -d ' \t\n' | tr '{,}' '\n\n\n') # a key a line
field() { printf '%s\n' "$state" | sed -n "s/^\"$1\":\"*\([^\"]*\)\"*\$/\1/p" | head -n 1; }

case $verb in
ADD) exec vetch cni run ADD "$@" --container-id "$(field id)" --netns "pid:$(field pid)" >/dev/null ;;
DEL) exec vetch cni run DEL "$@" --container-id "$(field id)" ;;
*) echo "$0: right is ADD or DEL, not $verb" >&2 && exit 2 ;;
esac
