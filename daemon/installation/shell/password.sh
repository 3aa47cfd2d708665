ask() {
    printf '%s: ' "$1" >&2
    if [ -t 0 ]; then stty -echo; fi
    IFS= read -r password
    if [ -t 0 ]; then stty echo; echo >&2; fi
}
keep() {
    (umask 077 && printf '%s\n' "$password" > /etc/catalogd/db_password)
}
is_right() {
    [ -s /etc/catalogd/db_password ] || return
    PGPASSWORD=$(cat /etc/catalogd/db_password) psql --quiet --no-password --dbname "$url" --command '' 2> /dev/null
}
become() {
    {
        echo "SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;"
        printf "%s '%s';\n" "$alter" "$(printf '%s' "$password" | sed "s/'/''/g")"
    } | as_admin psql --quiet --set ON_ERROR_STOP=1 --dbname "$admin_url"
}
if ! is_right; then
    ask "password of the role, or a new one for it"
    keep
    if ! is_right; then
        first=$password
        ask "it is not its own; to make it that, once more"
        if [ -z "$password" ] || [ "$password" != "$first" ]; then
            rm /etc/catalogd/db_password
            echo "these were two, or none: nothing was changed; run this again" >&2
            exit 1
        fi
        become
        is_right || { echo "the role cannot log in: see pg_hba.conf" >&2; exit 1; }
    fi
fi
