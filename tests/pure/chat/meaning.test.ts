import { describe, expect, it } from 'vitest'
import { COMMANDS, type CommandName } from '../../../domain/chat/command.ts'
import { meaningOf, type ChatTask, type MessageContext } from '../../../domain/chat/meaning.ts'
import type { ChatMessage } from '../../../domain/chat/message.ts'
import type { TaskState } from '../../../domain/task.ts'

const idOf = (letter: string): string => `task-${letter.repeat(26)}`
const task = (letter: string, state: TaskState, waiting?: ChatTask['waiting']): ChatTask => ({
  ...{ id: idOf(letter), state, title: `Task ${letter}` },
  ...(waiting && { waiting }),
})

/** What a text means; alone with a known sender unless the context says otherwise. */
function meaning(text: string, context: Partial<MessageContext> = {}, message: Partial<ChatMessage> = {}) {
  const said = { channel: 'telegram', chat: '1', id: '77', place: 77, kind: 'text', sender: { id: '1' } } as const
  return meaningOf({ ...said, isGroup: false, text, number: 7, ...message }, { isKnown: true, tasks: [], ...context })
}

describe('in a group', () => {
  const inGroup = (text: string, more: Partial<ChatMessage> = {}) =>
    meaning(text, { bot: 'our_bot' }, { isGroup: true, ...more })

  it.each(['/fix it', '@our_bot fix it', 'please, @Our_Bot: fix it', '/new@our_bot fix it'])(
    '%s is for the bot',
    (text) => {
      expect(inGroup(text).type).toMatch(/new-task|answer/)
    },
  )

  it.each(['@bob look at this', '/fix@other_bot it', '@our_bot_too fix it', 'mail me@our.bot'])(
    '%s is for somebody else',
    (text) => {
      expect(inGroup(text)).toEqual({ type: 'nothing' })
    },
  )

  it('an answer to the bot is for it, whoever is mentioned', () => {
    expect(inGroup('@bob says: fix it', { replyTo: '5' })).toEqual({ type: 'new-task', message: 7 })
  })
})

describe('a file without words', () => {
  const file = { reference: 'f1', name: 'plan.pdf' }
  const alone = (tasks: readonly ChatTask[], more: Partial<ChatMessage> = {}) =>
    meaning('', { tasks }, { kind: 'wordless', file, ...more })

  it('goes to the one task that takes it', () => {
    expect(alone([task('A', 'awaiting_input')])).toEqual({ type: 'say', message: 7, taskId: idOf('A') })
  })

  it('asks which task is meant when several run', () => {
    expect(alone([task('C', 'building'), task('A', 'building')])).toMatchObject({ type: 'ask-which' })
  })

  it.each([[[]], [[task('A', 'completed')]], [[task('A', 'verifying')]]])('is no new task: %#', (tasks) => {
    expect(alone(tasks)).toEqual({ type: 'answer', answer: 'file-alone' })
  })

  it('of a kind that cannot be read gets the hint, whatever runs', () => {
    const voice = { name: 'this voice' }
    expect(alone([task('A', 'building')], { file: voice })).toEqual({ type: 'answer', answer: 'wordless' })
  })
})

describe('free text', () => {
  it('is a new task when nothing runs', () => {
    expect(meaning('fix the login')).toEqual({ type: 'new-task', message: 7 })
    expect(meaning('and now the logout', { tasks: [task('A', 'completed'), task('B', 'failed')] })).toEqual({
      type: 'new-task',
      message: 7,
    })
  })

  it.each([
    'received',
    'understanding',
    'queued',
    'building',
    'awaiting_input',
    'awaiting_approval',
    'paused',
  ] as const)('goes to the one task that is %s', (state) => {
    const tasks = [task('B', 'completed'), task('A', state)]
    expect(meaning('use the other way', { tasks })).toEqual({ type: 'say', message: 7, taskId: idOf('A') })
  })

  it.each(['verifying', 'delivering'] as const)('is a new task when the one task is %s and takes no text', (state) => {
    expect(meaning('also add a test', { tasks: [task('A', state)] })).toEqual({ type: 'new-task', message: 7 })
  })

  it('asks which task is meant when several run', () => {
    const tasks = [task('C', 'building'), task('B', 'completed'), task('A', 'awaiting_input')]
    expect(meaning('the second', { tasks })).toEqual({ type: 'ask-which', message: 7, taskIds: [idOf('C'), idOf('A')] })
  })

  it('that answers a message about a task goes to that task', () => {
    const tasks = [task('C', 'building'), task('A', 'awaiting_input')]
    const answered = { tasks, repliedTask: task('A', 'awaiting_input') }
    expect(meaning('the second', answered)).toEqual({ type: 'say', message: 7, taskId: idOf('A') })
  })

  it.each([
    ['completed', [task('C', 'building')]],
    ['completed', [task('C', 'building'), task('B', 'building')]],
    ['verifying', [task('C', 'building'), task('A', 'verifying')]],
  ] as const)('that answers a message about a task that is %s is the next task, whatever else runs', (state, tasks) => {
    expect(meaning('now the docs', { tasks, repliedTask: task('A', state) })).toEqual({ type: 'new-task', message: 7 })
  })

  it("that answers a message about somebody else's task is meant for that one, not for an own one", () => {
    const context = { tasks: [task('C', 'building')], repliedTask: task('X', 'building') }
    expect(meaning('use the other way', context)).toEqual({ type: 'say', message: 7, taskId: idOf('X') })
    expect(meaning('', context, { kind: 'wordless', file: { reference: 'f', name: 'f' } })).toMatchObject({
      taskId: idOf('X'),
    })
  })
})

describe('somebody nobody knows', () => {
  const stranger = { isKnown: false }
  it('can link themselves', () => {
    expect(meaning('/link ABCDE', stranger)).toEqual({ type: 'command', command: 'link' })
  })

  it.each(['hello', '/new fix it', '/tasks', '/approve', '/frobnicate'])('gets nothing else by %s', (text) => {
    expect(meaning(text, { ...stranger, tasks: [task('A', 'building')] })).toEqual({
      type: 'answer',
      answer: 'stranger',
    })
  })

  it('is not spoken to where others read along', () => {
    expect(meaning('hello', stranger, { isGroup: true })).toEqual({ type: 'nothing' })
  })

  it('presses no button', () => {
    expect(meaning(`/approve ${idOf('A')}`, stranger, { kind: 'button' })).toEqual({
      type: 'answer',
      answer: 'stranger',
    })
  })
})

describe('a command', () => {
  it('/new is a new task whatever runs, and asks for words when it has none', () => {
    const tasks = [task('A', 'building')]
    expect(meaning('/new fix the login', { tasks })).toEqual({ type: 'new-task', message: 7 })
    expect(meaning('/new@our_bot fix it', { tasks, bot: 'our_bot' })).toEqual({ type: 'new-task', message: 7 })
    expect(meaning('/new')).toEqual({ type: 'answer', answer: 'empty-new' })
  })

  it('nobody knows is answered', () => {
    expect(meaning('/frobnicate', { tasks: [task('A', 'building')] })).toEqual({
      type: 'answer',
      answer: 'unknown-command',
    })
  })

  it.each(['cancel', 'pause', 'resume', 'budget'] as const)('/%s is about the one running task', (command) => {
    const tasks = [task('B', 'completed'), task('A', 'building')]
    expect(meaning(`/${command} 5`, { tasks })).toEqual({ type: 'command', command, taskId: idOf('A') })
  })

  it.each(['approve', 'reject'] as const)('/%s is about the one task that waits for it', (command) => {
    const waiting = { for: 'approval', approvalId: 'approval-1' } as const
    const tasks = [task('B', 'building'), task('A', 'awaiting_approval', waiting)]
    expect(meaning(`/${command}`, { tasks })).toEqual({ type: 'command', command, taskId: idOf('A') })
    expect(meaning(`/${command}`, { tasks: [task('B', 'building')] })).toEqual({ type: 'answer', answer: 'no-task' })
  })

  it.each(['status', 'diff', 'logs', 'cost'] as const)(
    '/%s looks at the running task, else at the newest',
    (command) => {
      const tasks = [task('C', 'failed'), task('B', 'building'), task('A', 'completed')]
      expect(meaning(`/${command}`, { tasks })).toEqual({ type: 'command', command, taskId: idOf('B') })
      expect(meaning(`/${command}`, { tasks: [tasks[0]!, tasks[2]!] })).toMatchObject({ taskId: idOf('C') })
    },
  )

  it('/retry is about the newest task that has ended', () => {
    const tasks = [task('C', 'building'), task('B', 'failed'), task('A', 'completed')]
    expect(meaning('/retry', { tasks })).toEqual({ type: 'command', command: 'retry', taskId: idOf('B') })
  })

  it('changes nothing between two: it asks', () => {
    const tasks = [task('B', 'building'), task('A', 'queued')]
    expect(meaning('/cancel', { tasks })).toEqual({
      ...{ type: 'ask-which-task', command: 'cancel' },
      taskIds: [idOf('B'), idOf('A')],
    })
    expect(meaning('/cancel', { tasks, repliedTask: task('A', 'queued') })).toMatchObject({ taskId: idOf('A') })
  })

  it.each([
    ['approve', 'building'],
    ['reject', 'completed'],
    ['cancel', 'completed'],
    ['pause', 'failed'],
    ['resume', 'building'],
    ['budget', 'expired'],
    ['retry', 'building'],
    ['status', 'completed'],
  ] as const)('/%s that answers a message about a task is about that task, also when it is %s', (command, state) => {
    const waiting = { for: 'approval', approvalId: 'approval-1' } as const
    const tasks = [task('C', 'awaiting_approval', waiting), task('B', 'failed')]
    const repliedTask = task('A', state)
    expect(meaning(`/${command}`, { tasks, repliedTask })).toEqual({ type: 'command', command, taskId: idOf('A') })
  })

  it('that names a task is about that one, whatever it answers', () => {
    expect(meaning(`/cancel ${idOf('B')}`, { repliedTask: task('A', 'building') })).toMatchObject({ taskId: idOf('B') })
  })

  it('takes the id it is given, also of a task of elsewhere', () => {
    const id = idOf('Z')
    expect(meaning(`/cancel ${id}`)).toEqual({ type: 'command', command: 'cancel', taskId: id })
    expect(meaning(`/reject ${id} too risky`)).toMatchObject({ taskId: id })
    expect(meaning(`/budget 5 ${id}`)).toMatchObject({ taskId: id })
    expect(meaning('/approve approval-0123456789')).toMatchObject({ taskId: 'approval-0123456789' })
  })

  it('without a task says so', () => {
    for (const command of ['status', 'cancel', 'approve', 'retry', 'diff'])
      expect(meaning(`/${command}`)).toEqual({ type: 'answer', answer: 'no-task' })
  })

  it.each(Object.keys(COMMANDS) as CommandName[])('/%s never means nothing', (command) => {
    expect(meaning(`/${command}`).type).not.toBe('nothing')
  })
})

describe('a button', () => {
  const button = { kind: 'button' } as const
  it('says its command', () => {
    expect(meaning(`/approve approval-0123456789`, {}, button)).toMatchObject({ command: 'approve' })
  })

  it('says for which task an earlier message was meant', () => {
    expect(meaning(`/to 3 ${idOf('A')}`, {}, button)).toEqual({ type: 'say', message: 3, taskId: idOf('A') })
    expect(meaning('/to 3 new', {}, button)).toEqual({ type: 'new-task', message: 3 })
  })

  it('says in which repository an earlier message is to be done', () => {
    expect(meaning('/in 3 web-shop', {}, button)).toEqual({ type: 'new-task', message: 3, repository: 'web-shop' })
  })

  it.each(['', 'approve', '/to', '/to x new', '/to 3 task-1', '/in 3', '/in -1 web'])(
    'of an earlier release (%s) makes no task',
    (text) => {
      expect(meaning(text, { tasks: [] }, button)).toEqual({ type: 'answer', answer: 'stale' })
    },
  )
})

describe('what has no words', () => {
  it('gets a hint, whatever runs', () => {
    const tasks = [task('A', 'awaiting_input')]
    expect(meaning('', { tasks }, { kind: 'wordless' })).toEqual({ type: 'answer', answer: 'wordless' })
  })
})
