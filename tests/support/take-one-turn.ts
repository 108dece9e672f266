import { openStore } from '../../adapters/postgres/store.ts'
import { Conversation } from './conversation.ts'

/** Started as a process of its own: takes the next turn of a task, answers its calls and prints how many there were. */
const [database = '', url = '', taskId = ''] = process.argv.slice(2)
const store = await openStore({ url: database, connections: 2 })
const conversation = Conversation.of({ stores: [store], urls: [url] }, taskId)
const outcome = await conversation.takeTurn()
const calls = outcome.type === 'answered' ? outcome.calls : []
for (const call of calls) await conversation.runTool(call, { output: `by process ${process.pid}` })
console.log(calls.length)
await store.close()
