#!/bin/sh
# Makes deploy/.env with random secrets for compose.yaml. Never overwrites one: its SECRET_KEY opens your database.
set -eu
umask 077
file="${1:-$(dirname "$0")/.env}"
if [ -e "$file" ]; then
  echo "$file exists already and is left as it is" >&2
  exit 1
fi
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
cat >"$file" <<END
# Back this file up: without SECRET_KEY the stored credentials cannot be opened.
SECRET_KEY=$(random)
POSTGRES_PASSWORD=$(random)
INITIAL_ROOT_ACCESS_TOKEN=$(random)
END
echo "made $file" >&2
