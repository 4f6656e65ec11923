# calculator completions bash
# What may follow: one candidate a line, @files for the names of files.
__calculator_candidates() {  # command, word before or "field=", decision
    case "$1/$2/$3" in
CASES
    esac
}

_calculator() {
    local line=${COMP_LINE:0:COMP_POINT} current before name candidate strip='' words
    current=${line##*[[:space:]]}
    read -ra words <<< "${line%"$current"}"
    before=${words[-1]}
    name=${words[2]:-}
    if [[ $current == [!-]*=* ]]; then
        before=${current%%=*}=
        current=${current#*=}
        # The shell takes the part after "=" for a word of its own, or it does not.
        [[ $COMP_WORDBREAKS == *=* ]] || strip=$before
    fi
    COMPREPLY=()
    while IFS= read -r candidate; do
        if [[ $candidate == @files ]]; then
            compopt -o filenames 2> /dev/null
            while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
        elif [[ $candidate == "$current"* ]]; then
            COMPREPLY+=("$strip$(printf %q "$candidate")")
        fi
    done < <(__calculator_candidates "${words[1]:-}" "$before" "$name")
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2> /dev/null; fi
}
complete -F _calculator calculator
