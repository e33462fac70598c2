#!/bin/sh
# The system tools that some tests need, and why.  Lists those that are missing; `install` installs them (Debian, Ubuntu; as root).
missing=
while read -r command package why; do
    command -v "$command" >/dev/null && continue
    [ "$1" = install ] || echo "optional tool $command is missing: $why"
    missing="$missing $package"
done <<LIST
strace strace crash tests kill a run at every system call
faketime faketime quota tests let days pass
chromium chromium a test opens the sandbox's page in a browser
node nodejs Zoho's Node SDK is run against the sandbox
npm npm Zoho's Node SDK is run against the sandbox
LIST
[ -n "$missing" ] || exit 0
if [ "$1" != install ]; then
    echo "The tests that need them fail without them. To install: sudo make setup-tools"
elif command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq >/dev/null 2>&1
    for package in $missing; do  # one by one: what cannot be installed does not keep the others out
        apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 || echo "$package could not be installed"
    done
else
    echo "needs apt-get and root; install by hand:$missing"
    exit 1
fi
