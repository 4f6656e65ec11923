#compdef calculator
# What may follow: one candidate a line, @files for the names of files.
__calculator_candidates() {  # command, word before or "field=", decision
    case "$1/$2/$3" in
CASES
    esac
}

_calculator() {
    local command='' before=$words[CURRENT-1] name='' current=$words[CURRENT] found
    (( CURRENT > 2 )) && command=$words[2]
    (( CURRENT > 3 )) && name=$words[3]
    if [[ $current == [^-]*=* ]]; then
        before=${current%%=*}=
        compset -P '*='
    fi
    found=("${(@f)$(__calculator_candidates "$command" "$before" "$name")}")
    if [[ $found[1] == @files ]]; then
        _files
        shift found
    fi
    (( $#found )) || return
    compadd -S '' -- ${(M)found:#*=}
    compadd -- ${found:#*=}
}
if [[ $funcstack[1] == _calculator ]]; then _calculator "$@"; else compdef _calculator calculator; fi
