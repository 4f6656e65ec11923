# calculator completions fish
function __calculator_candidates --description 'What may follow: command, word before or "field=", decision'
    switch "$argv[1]/$argv[2]/$argv[3]"
CASES
    end
end

function __calculator_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l before $words[-1]
    set -l start ''
    if string match --quiet --regex '^[^-].*=' -- $current
        set before (string replace --regex '=.*' '=' -- $current)
        set start $before
    end
    for candidate in (__calculator_candidates "$words[2]" "$before" "$words[3]")
        if test $candidate = @files
            __fish_complete_path $current
        else
            echo $start$candidate
        end
    end
end

complete --command calculator --no-files --arguments '(__calculator_complete)'
