/**
 * The simple commands of a shell line, words separated by one blank: `a  b && c | d` is `a b`, `c`, `d`. Undefined
 * when the line holds what only a shell can take apart (substitutions, groups, redirections, unclosed quotes,
 * assignments, keywords): parsing is a courtesy, so what is not plain counts as unknown.
 */
export function splitCommand(line: string): readonly string[] | undefined {
  const commands: string[][] = [[]]
  let word: string | undefined
  const endWord = () => {
    if (word !== undefined) commands.at(-1)?.push(word)
    word = undefined
  }
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? ''
    if (character === "'") {
      const end = line.indexOf("'", index + 1)
      if (end < 0) return undefined
      word = (word ?? '') + line.slice(index + 1, end)
      index = end
    } else if (character === '"') {
      const end = line.indexOf('"', index + 1)
      const quoted = line.slice(index + 1, end)
      if (end < 0 || /[$`\\]/.test(quoted)) return undefined
      word = (word ?? '') + quoted
      index = end
    } else if (/[;&|\n]/.test(character)) {
      if (line[index + 1] === '&' && character === '|') return undefined
      endWord()
      if ((commands.at(-1)?.length ?? 0) > 0) commands.push([])
    } else if (/\s/.test(character)) endWord()
    else if (/[$`\\(){}<>!#~*?[\]]/.test(character)) {
      // A pattern only names files; everything else may run or write something.
      if (!/[~*?[\]{}]/.test(character) || (word === undefined && commands.at(-1)?.length === 0)) return undefined
      word = (word ?? '') + character
    } else word = (word ?? '') + character
  }
  endWord()
  const plain = commands.filter((command) => command.length > 0)
  if (plain.length === 0 || plain.some(([program = '']) => NOT_PLAIN.test(program))) return undefined
  return plain.map((command) => command.join(' '))
}

/** An assignment before a command, a keyword, or a program whose arguments are commands themselves. */
const NOT_PLAIN =
  /^(\w+\+?=.*|if|then|else|elif|fi|for|while|until|do|done|case|esac|function|time|eval|exec|source|\.|env|xargs|nohup|sudo|bash|sh|dash|zsh|command|builtin|trap)$/s
