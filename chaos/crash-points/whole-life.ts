import { call, markOf, said, submit, type Life } from './life.ts'

const CHECK = 'sh check.sh'
const complete = { calls: [call('complete_task', { summary: 'It says goodbye.' })] }

/** Steered, rejected once by the verifier, approved, delivered. */
export function createWholeLife(): Life {
  const steered = new Set<string>()
  return {
    play: (key) => [
      {
        match: markOf(key),
        understanding: { title: key, kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: true },
        turns: [
          { calls: [call('read_file', { file_path: 'greeting.txt' })] },
          { calls: [call('write_file', { file_path: 'notes/done.txt', content: 'done\n' })] },
          complete,
          { calls: [call('replace', { file_path: 'greeting.txt', old_string: 'hello', new_string: 'goodbye' })] },
          { calls: [call('run_shell_command', { command: `echo ran >> ran.log; ${CHECK}` })] },
          complete,
        ],
      },
    ],
    begin: async (stage, key) =>
      submit(stage, key, {
        ...{ prompt: `${markOf(key)} say goodbye in greeting.txt.`, kind: 'code' },
        repository: { url: await stage.remotes.add(key) },
        acceptance: { commands: [CHECK], protectedPaths: ['check.sh'] },
        // Asks before commands.
        constraints: { approvalMode: 'auto_edit' },
      }),
    async attend(stage, { id, state, progress, waiting }) {
      const isBegun = state === 'building' && progress.turn >= 1
      if (isBegun && !steered.has(id) && (await said(stage, `/v1/tasks/${id}/messages`, { text: 'Mind the umlauts.' })))
        steered.add(id)
      const approvalId = state === 'awaiting_approval' ? waiting?.approvalId : undefined
      if (approvalId !== undefined)
        await said(stage, `/v1/tasks/${id}/approvals/${approvalId}`, { decision: 'approve' })
    },
  }
}
