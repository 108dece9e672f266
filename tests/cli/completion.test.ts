import { describe, expect, it } from 'vitest'
import { bash, useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()

/** What bash offers for each of these lines, of which the last word is being typed. */
async function offersFor(lines: readonly string[]): Promise<readonly (readonly string[])[]> {
  const script = (await gateway().ocg(['completion', 'bash'])).stdout
  const asks = lines.map((line) => {
    const words = line.split(' ').map((word) => `'${word}'`)
    return `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _ocg; echo "\${COMPREPLY[@]}"`
  })
  const { stdout, stderr } = await bash(`set -eu\n${script}\n${asks.join('\n')}`)
  expect(stderr).toBe('')
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').filter(Boolean))
}

describe('the completion script in bash', () => {
  it('offers commands, their subcommands and their options, as far as they are typed', async () => {
    const [all, commands, controls, options, unknown] = await offersFor([
      'ocg ',
      'ocg c',
      'ocg task re',
      'ocg task submit --p',
      'ocg nonsense ',
    ])
    expect(all).toEqual(expect.arrayContaining(['up', 'demo', 'doctor', 'task', 'key', 'audit', 'receipt', '--json']))
    expect(commands).toEqual(['config', 'completion'])
    expect(controls).toEqual(['resume', 'retry', 'reject'])
    expect(options).toEqual(['--protect', '--priority'])
    expect(unknown).toEqual(expect.arrayContaining(['task', 'key']))
  })

  it('still knows the options behind a prompt, an id, and the value of another option', async () => {
    const lines = ['ocg task submit fix --wa', 'ocg task submit --repo web --re', 'ocg --json task approve task-01 --c']
    expect(await offersFor(lines)).toEqual([['--watch'], ['--repo', '--ref'], ['--comment']])
  })

  it('is registered for ocg, in zsh through its bash compatibility', async () => {
    const [bashScript, zshScript] = await Promise.all([
      gateway().ocg(['completion']),
      gateway().ocg(['completion', 'zsh']),
    ])
    expect(bashScript.stdout).toMatch(/\ncomplete -F _ocg ocg\n$/)
    expect(zshScript.stdout).toBe(`autoload -U +X bashcompinit && bashcompinit\n${bashScript.stdout}`)
  })

  it('is given as words in JSON, wherever --json stands', async () => {
    const answers = await Promise.all([
      gateway().ocg(['completion', '--json']),
      gateway().ocg(['--json', 'completion']),
    ])
    for (const { stdout } of answers)
      expect(JSON.parse(stdout)).toMatchObject({ task: expect.arrayContaining(['submit', 'list']) as unknown })
  })
})
