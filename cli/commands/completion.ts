import { Argument, type Command } from 'commander'

/** `ocg completion`: a script that completes command names. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script: source <(ocg completion bash)')
    .addArgument(new Argument('[shell]').choices(['bash', 'zsh']).default('bash'))
    .option('--json', 'print the words as JSON')
    .action((shell: string, options: { json?: boolean }) => {
      const words = wordsOf(program)
      process.stdout.write(options.json === true ? `${JSON.stringify(words, null, 2)}\n` : script(words, shell))
    })
}

/** Words that may follow each chain of commands. */
function wordsOf(command: Command, path = ''): Record<string, readonly string[]> {
  const flags = command.options.map(({ long }) => long).filter((long) => long !== undefined && long !== null)
  const own = { [path]: [...command.commands.map((child) => child.name()), ...flags, '--help'] }
  return Object.assign(own, ...command.commands.map((child) => wordsOf(child, `${path} ${child.name()}`.trim())))
}

function script(words: Record<string, readonly string[]>, shell: string): string {
  const cases = Object.entries(words).map(([path, next]) => `    "${path}") words="${next.join(' ')}" ;;`)
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_ocg() {
  local path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || path="\${path:+$path }$word"
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _ocg ocg
`
}
