#!/bin/sh
# Does what the well-known image `postgres` does: makes the cluster where there is none, runs /docker-entrypoint-initdb.d once, and serves.
# Arguments go to the server: `-c ssl=on`.
set -e
PATH=/opt/postgresql/bin:$PATH
data=${PGDATA:-/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres}
[ "$1" = postgres ] && shift
mkdir -p "$data"
if [ "$(id -u)" = 0 ]; then
  chown nobody "$data"
  exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"
fi
if [ ! -s "$data/PG_VERSION" ]; then
  printf %s "${POSTGRES_PASSWORD:?}" > /tmp/password
  initdb -D "$data" --username="$user" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust --locale=C --encoding=UTF8 --no-sync
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
  pg_ctl -D "$data" -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
  [ "${POSTGRES_DB:-postgres}" = postgres ] || psql -h /tmp -U "$user" -d postgres -c "CREATE DATABASE \"$POSTGRES_DB\""
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ -f "$file" ] && psql -h /tmp -U "$user" -d "${POSTGRES_DB:-postgres}" -v ON_ERROR_STOP=1 -f "$file"
  done
  pg_ctl -D "$data" -w stop
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
