/**
 * The scripts that teach a shell to complete `blixard`. They ask the program itself (`blixard completion-words`), so they
 * need not change when commands do; where it has nothing to say, the shell completes file names.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Asked by the scripts with the words of the line after `--`, the last one unfinished; prints one candidate a line. */
export const WORDS_COMMAND = "completion-words";

const BASH = `# blixard completion for bash. To load it: source <(blixard completion bash)
_blixard() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" ${WORDS_COMMAND} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o bashdefault -o default -F _blixard blixard ./blixard
`;

const ZSH = `#compdef blixard
# blixard completion for zsh. To load it: source <(blixard completion zsh)
_blixard() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" ${WORDS_COMMAND} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then compadd -- "\${candidates[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _blixard ]]; then _blixard "$@"; else compdef _blixard blixard; fi
`;

const FISH = `# blixard completion for fish. To load it: blixard completion fish | source
function __blixard_words
  set -l words (commandline -opc)
  $words[1] ${WORDS_COMMAND} -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c blixard -f -a '(__blixard_words)'
complete -c blixard -n '__fish_seen_subcommand_from apply up node vm' -F
`;

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
