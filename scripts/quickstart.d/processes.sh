# shellcheck shell=bash
# Starting and stopping: whatever a quickstart starts is gone when it ends, at whatever moment that is.
#
# Each child runs in a session of its own, so that Ctrl-C reaches this script alone and the script decides the order.
# Each carries a mark in its environment, the state folder, by which it is found again however it forked: no list of
# pids has to be kept in step with what happens. Chromium's helpers overwrite their environment, so members of a
# session with a marked leader count as well.

mark=KEYFOB_QUICKSTART=${state:?}
sessions=()
started= # the child being started or waited for
apart=   # the same, for a child whose own children are not ours

# start COMMAND…: in the background; its pid is in `started`.
start() {
    # <&0: bash gives a background command no input of its own accord. 9 is the lock: a child that outlives a killed
    # script must not hold it.
    env "$mark" setsid -- "$@" <&0 9>&- &
    started=$!
    sessions+=("$started")
}

# run COMMAND…: to its end, with its exit code. `wait` returns at once for a signal; a command in the foreground would
# hold the trap back until it is done.
run() {
    local code=0
    start "$@"
    wait "$started" || code=$?
    started=
    return "$code"
}

# As `run`, for a command whose children are not ours to stop.
run_apart() {
    local code=0
    setsid -- "$@" <&0 9>&- &
    apart=$!
    wait "$apart" || code=$?
    apart=
    return "$code"
}

# Pids of everything marked and of everything in our sessions.
remaining() {
    local file stat fields threads
    grep --files-with-matches --null-data --no-messages --line-regexp --fixed-strings "$mark" /proc/[0-9]*/environ |
        grep --only-matching '[0-9]*'
    ((${#sessions[@]})) || return 0
    for file in /proc/[0-9]*/stat; do
        # The name in parentheses may hold anything, so fields are counted behind it: state, parent, group, session.
        { read -r stat <"$file"; } 2>/dev/null || continue
        read -ra fields <<<"${stat##*) }"
        [[ " ${sessions[*]} " == *" ${fields[3]} "* ]] || continue
        # A process whose first thread has ended shows as a zombie while other threads of it are still on their way out.
        threads=("${file%stat}"task/*)
        [[ ${fields[0]} == Z && ${#threads[@]} -le 1 ]] || echo "${stat%% *}"
    done
    return 0
}

# Asks everything to end, and after three seconds makes it.
stop_everything() {
    local pids round
    # Between fork and exec a child has neither mark nor session, but its pid is known.
    # shellcheck disable=SC2086 # none, one or two pids
    kill -TERM $started $apart 2>/dev/null
    for ((round = 0; ; round++)); do
        mapfile -t pids < <(remaining | sort -u)
        ((${#pids[@]})) || return 0
        if ((round == 0)); then
            kill -TERM "${pids[@]}" 2>/dev/null
        elif ((round >= 30)); then
            kill -KILL "${pids[@]}" 2>/dev/null
        fi
        sleep 0.1
    done
}

leave() {
    local code=$?
    trap '' INT TERM HUP
    set +e
    stop_everything
    exit "$code"
}

stop_everything_on_exit() {
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    trap leave EXIT
}
