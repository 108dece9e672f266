import { Argument, type Command } from 'commander'
import { wantsJson } from '../output.ts'

/** `ocg completion`: a script that completes command names. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script: source <(ocg completion bash)')
    .addArgument(new Argument('[shell]').choices(['bash', 'zsh']).default('bash'))
    .option('--json', 'print the words as JSON')
    .action((shell: string, _options: unknown, command: Command) => {
      const words = wordsOf(program)
      process.stdout.write(wantsJson(command) ? `${JSON.stringify(words, null, 2)}\n` : script(words, shell))
    })
}

/** Words that may follow each chain of commands. */
function wordsOf(command: Command, path = ''): Record<string, readonly string[]> {
  const flags = command.options.map(({ long }) => long).filter((long) => long !== undefined && long !== null)
  const own = { [path]: [...command.commands.map((child) => child.name()), ...flags, '--help'] }
  return Object.assign(own, ...command.commands.map((child) => wordsOf(child, `${path} ${child.name()}`.trim())))
}

/** What is no command behind those before it is an option, its value, a prompt or an id: it changes nothing. */
function script(words: Record<string, readonly string[]>, shell: string): string {
  const cases = Object.entries(words).map(([path, next]) => `    "${path}") echo "${next.join(' ')}" ;;`)
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_ocg_words() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
_ocg() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    _ocg_words "\${path:+$path }$word" > /dev/null && path="\${path:+$path }$word"
  done
  COMPREPLY=($(compgen -W "$(_ocg_words "$path")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _ocg ocg
`
}
