lay() {
    cat > "$1.new"
    if [ ! -e "$1" ]; then
        mv "$1.new" "$1"
    elif cmp -s "$1.new" "$1"; then
        rm "$1.new"
    else
        echo "kept as it is: $1; what it would be now: $1.new" >&2
    fi
}
