# shellcheck shell=bash
# Three ports, chosen once and kept: the issuer's is part of its name, which logins and cookies remember.

port_is_busy() {
    local address
    for address in 127.0.0.1 ::1; do
        (exec 3<>"/dev/tcp/$address/$1") 2>/dev/null && return 0
    done
    return 1
}

# Below the range from which the kernel takes ports for outgoing connections.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((20000 + SRANDOM % 12000))
        port_is_busy "$port" || { echo "$port" && return 0; }
    done
    return 1
}

# Sets issuer_port, gateway_port and admin_port, at which the gateway tells what was used.
choose_ports() {
    local file=${state:?}/ports name port
    if [[ ! -s $file ]]; then
        issuer_port=$(free_port) || fail "found no free port"
        gateway_port=$(free_port) || fail "found no free port"
        printf 'issuer %s\ngateway %s\n' "$issuer_port" "$gateway_port" >"$file.new"
        mv "$file.new" "$file"
    fi
    # What an earlier version chose has two.
    if ! grep -q '^admin ' "$file"; then
        admin_port=$(free_port) || fail "found no free port"
        { cat "$file" && printf 'admin %s\n' "$admin_port"; } >"$file.new"
        mv "$file.new" "$file"
    fi
    while read -r name port; do
        if port_is_busy "$port"; then
            fail "port $port, which $file keeps for the $name, is in use by another program: stop that one" \
                "(\`ss -ltnp 'sport = :$port'\` names it), or start over with scripts/quickstart --clean"
        fi
        printf -v "${name}_port" '%s' "$port"
    done <"$file"
}
