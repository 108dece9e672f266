import { call, markOf, said, submit, type Life } from './life.ts'

const write = (content: string) => call('write_file', { file_path: 'notes.txt', content })
const complete = { calls: [call('complete_task', { summary: 'It is written.' })] }

/**
 * Two parts that write the same file, one of which asks something first; the Builder of the whole puts both together.
 * The repository is one of a forge and known by the key.
 */
export const partsLife: Life = {
  play(key) {
    const mark = markOf(key)
    const [first, second] = ['first', 'second'].map((line) => `${mark} write the ${line} line.`) as [string, string]
    return [
      // The first request that holds these words is that of the Builder of the whole.
      { match: `The part "${key} second" conflicts`, turns: [{ calls: [write('first\nsecond\n')] }, complete] },
      { match: first, turns: [{ calls: [write('first\n')] }, complete] },
      {
        match: second,
        turns: [{ calls: [call('ask_user', { question: 'Which line?' })] }, { calls: [write('second\n')] }, complete],
      },
      {
        match: mark,
        understanding: {
          ...{ title: key, kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: true },
          subtasks: [
            { title: `${key} first`, prompt: first },
            { title: `${key} second`, prompt: second },
          ],
        },
        turns: [],
      },
    ]
  },
  begin: (stage, key) =>
    submit(stage, key, {
      ...{ prompt: `${markOf(key)} two lines of notes.`, kind: 'code', repository: { url: key } },
      acceptance: { commands: ['grep -q first notes.txt && grep -q second notes.txt'] },
    }),
  async attend(stage, { id, state }) {
    if (state !== 'awaiting_input') return
    await said(stage, `/v1/tasks/${id}/budget`, { budgetUsd: 50 })
    await said(stage, `/v1/tasks/${id}/messages`, { text: 'The second.' })
  },
}
