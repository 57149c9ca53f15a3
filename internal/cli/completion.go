package cli

import (
	"io"

	"github.com/spf13/cobra"
)

// bashWords makes the generated script do without the package bash-completion,
// which device images lack: it takes the place of the script's own short form,
// which calls that package all the same. Bash splits words at = and : too;
// they are put together again, up to the cursor.
const bashWords = `
__hcsroute_init_completion()
{
    local i word gap rest=$COMP_LINE after=${COMP_LINE:COMP_POINT} last=-1
    COMPREPLY=() words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        gap=${rest%%[![:space:]]*}
        rest=${rest#"$gap"}
        rest=${rest#"$word"}
        if ((i == COMP_CWORD && ${#rest} < ${#after})); then
            word=${word:0:$((${#word} - ${#after} + ${#rest}))}
        fi
        if [[ -z $gap && $last -gt 0 && ( $word == [=:]* || ${words[last]} == *[=:] ) ]]; then
            words[last]+=$word
        else
            words[++last]=$word
        fi
        if ((i == COMP_CWORD)); then
            cword=$last
        fi
    done
    cur=${words[cword]}
    prev=
    if ((cword > 0)); then
        prev=${words[cword - 1]}
    fi
}
`

// bashCompletion has 'completion bash' write a script that needs no package.
func bashCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion", "bash"})
	if err != nil {
		return // the default commands are switched off
	}
	cmd.Long = `Print the completion script for bash; it needs no other package.

For this shell:       source <(hcsroute completion bash)
For every new shell:  echo "source <(hcsroute completion bash)" >> ~/.bashrc
or, with the package bash-completion:
                      hcsroute completion bash > /etc/bash_completion.d/hcsroute
`
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plain, err := cmd.Flags().GetBool("no-descriptions")
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if err := root.GenBashCompletionV2(out, !plain); err != nil {
			return err
		}
		_, err = io.WriteString(out, bashWords)
		return err
	}
}
