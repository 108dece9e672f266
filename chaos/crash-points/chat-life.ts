import { setTimeout as delay } from 'node:timers/promises'
import { doubtAbout } from './judge.ts'
import { call, LOOK_EVERY_MS, markOf, tasksOf, type Life } from './life.ts'
import type { Telegram } from './telegram.ts'

/** Sent, answered and told in Telegram. The repository is one of a forge, and its name is the key in the text. */
export function createChatLife(telegram: Telegram): Life {
  const keys = new Map<string, string>()
  const answered = new Set<string>()
  return {
    play: (key) => [
      {
        match: markOf(key),
        understanding: { title: key, kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: true },
        turns: [
          { calls: [call('ask_user', { question: 'Which word?' })] },
          { calls: [call('write_file', { file_path: 'notes.txt', content: 'goodbye\n' })] },
          { calls: [call('complete_task', { summary: 'Delivered to the chat.' })] },
        ],
      },
    ],
    async begin(stage, key, signal) {
      telegram.says(key, `${markOf(key)} write a word into notes.txt.`)
      for (;;) {
        const [task] = await tasksOf(stage, key)
        if (task) {
          keys.set(task.id, key)
          return task.id
        }
        await delay(LOOK_EVERY_MS, undefined, { signal })
      }
    },
    attend(_, { id, state }) {
      const key = keys.get(id)
      if (state === 'awaiting_input' && key !== undefined && !answered.has(id)) {
        answered.add(id)
        // Were it taken for another request, there were a second task of the key.
        telegram.says(key, `${markOf(key)} goodbye.`)
      }
      return Promise.resolve()
    },
    isTold(task) {
      const { pending = 1, unknown = 0 } = task.notifications ?? {}
      const last = unknown === 0 ? task.result?.summary : doubtAbout(task)
      const shown = telegram.shown(keys.get(task.id) ?? '')
      return pending === 0 && shown.some((text) => last !== undefined && text.includes(last))
    },
  }
}
