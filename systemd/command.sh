#!/bin/sh
# catalogd for people at this machine: install -m 755 command.sh /usr/local/bin/catalogd
#   sudo catalogd status
# As root it runs with the settings, the password and the rights of the unit catalogd.service: its user is also the one
# that the files of price lists belong to. With DATABASE_URL or DB_NAME set, and for everybody else, it is the program
# itself, with their own settings. (sudo keeps no variables: sudo DATABASE_URL=… catalogd migrate.)
set -eu
program=/opt/catalogd/bin/catalogd
settings=/etc/catalogd/catalogd.env
password=/etc/catalogd/db_password

own=no  # settings
[ "$(id -u)" = 0 ] && [ -e "$settings" ] && [ -z "${DATABASE_URL:-}${DB_NAME:-}" ] || own=yes
case "${1:-}" in
    "" | -* | grants | install | completion | demo) own=yes ;;  # which ask no database of this machine
esac
[ "$own" = no ] || exec "$program" "$@"

if [ -s "$password" ]; then
    set -- --property="LoadCredential=db_password:$password" "$program" "$@"
else
    set -- "$program" "$@"
fi
exec systemd-run --quiet --collect --wait --pty --pipe --same-dir \
    --property=DynamicUser=yes --property=User=catalogd_runtime --property=UMask=0077 \
    --property=StateDirectory=catalogd --property=StateDirectoryMode=0750 \
    --property="EnvironmentFile=$settings" "$@"
