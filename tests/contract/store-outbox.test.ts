import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { plain } from '../../domain/chat/styled-text.ts'
import type { ClaimedPost, Outcome, Post } from '../../domain/ports/outbox.ts'
import type { Store } from '../../domain/ports/store.ts'
import { chatMessage, messagePost, received } from '../support/chat/messages.ts'
import { acceptance } from '../support/stored-task.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'

const SENT: Outcome = { state: 'sent', providerId: '42' }

describe.each(Object.entries(STORES))('the outbox in %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  let conversation: string
  beforeEach(async () => {
    opened = await open()
    store = opened.store
    conversation = await received(store, chatMessage())
  })
  afterEach(() => opened.close())

  const post = (...posts: readonly Post[]) => store.outbox.post(posts)
  const claim = () => store.outbox.claim('telegram')
  const settle = (claimed: ClaimedPost | undefined, outcome: Outcome) =>
    store.outbox.settle({ id: claimed?.post.id ?? '', attempt: claimed?.attempt ?? 0, outcome })
  const edit = (of: string, text: string): Post => ({
    ...{ type: 'edit', id: `${of}/edit`, of, conversation, text: plain(text), buttons: [] },
  })

  const unsure = (afterMs: number): Outcome => ({ state: 'sending', reason: 'no answer', afterMs })
  const arrived = { outcome: 'arrived', providerId: '42' } as const

  describe('a message', () => {
    it('posted again is one message, by whichever process', async () => {
      const message = messagePost(conversation)
      await Promise.all([store, opened.other].map(({ outbox }) => outbox.post([message, message])))
      expect((await claim())?.post).toEqual(message)
      expect(await claim()).toBeUndefined()
    })

    it('goes to the channel of its conversation alone', async () => {
      await post(messagePost(conversation))
      expect(await store.outbox.claim('whatsapp')).toBeUndefined()
      expect(await claim()).toBeDefined()
    })

    it('is shown as it was posted, or as it was changed last', async () => {
      const buttons = [{ title: 'Go', command: '/go' }]
      await post(messagePost(conversation, { id: 'ask', text: plain('May I?'), buttons }))
      const shown = (id: string) => store.outbox.shown(id)
      expect(await shown('ask')).toMatchObject({ text: plain('May I?'), buttons })
      await post(edit('ask', 'May I now?'))
      await post(edit('ask', 'Done.'))
      expect(await shown('ask')).toMatchObject({ text: plain('Done.'), buttons: [] })
      expect(await shown('nothing')).toBeUndefined()
    })

    it('waits for the earlier ones of its conversation, not for those of others', async () => {
      const other = await received(store, chatMessage({ chat: '2' }))
      const posts = [messagePost(conversation), messagePost(conversation), messagePost(other)]
      await post(...posts)
      const first = await claim()
      expect([first?.post.id, (await claim())?.post.id, await claim()]).toEqual([posts[0]?.id, posts[2]?.id, undefined])
      await settle(first, { state: 'pending', reason: 'busy', afterMs: 0 })
      expect((await claim())?.post.id).toBe(posts[0]?.id)
    })

    it('is due at once, or after its pause, and no more when it was sent', async () => {
      const due = () => store.outbox.dueInMs('telegram')
      expect(await due()).toBeUndefined()
      await post(messagePost(conversation))
      expect(await due()).toBeLessThanOrEqual(0)
      await settle(await claim(), { state: 'pending', reason: 'busy', afterMs: 60_000 })
      expect(await due()).toBeGreaterThan(30_000)
      expect(await store.outbox.dueInMs('whatsapp')).toBeUndefined()
      await post(messagePost(conversation, { id: 'second' }))
      expect(await due()).toBeLessThanOrEqual(0)
    })

    it.each<Outcome>([SENT, { state: 'failed', reason: 'gone' }, { state: 'unknown', reason: 'lost' }])(
      'lets the next one go when it is $state',
      async (outcome) => {
        await post(messagePost(conversation), messagePost(conversation, { id: 'second' }))
        await settle(await claim(), outcome)
        expect((await claim())?.post.id).toBe('second')
        expect(await store.outbox.counts()).toEqual({ [outcome.state]: 1, sending: 1 })
      },
    )

    it('is claimed by one of many', async () => {
      await post(messagePost(conversation))
      const claims = await Promise.all(
        [store, opened.other, store, opened.other].map(({ outbox }) => outbox.claim('telegram')),
      )
      expect(claims.filter(Boolean)).toHaveLength(1)
    })

    it('is settled only by its last attempt', async () => {
      await post(messagePost(conversation))
      const thawed = await claim()
      await settle(thawed, { state: 'pending', reason: 'busy', afterMs: 0 })
      const last = await claim()
      expect(last?.attempt).toBe(2)
      expect(await settle(thawed, SENT)).toBe(false)
      expect(await settle(last, SENT)).toBe(true)
      expect(await settle(last, { state: 'failed', reason: 'x' })).toBe(false)
    })

    it('that is due later is taken later', async () => {
      await post(messagePost(conversation))
      await settle(await claim(), { state: 'pending', reason: 'busy', afterMs: 300 })
      expect(await claim()).toBeUndefined()
      await vi.waitFor(async () => expect(await claim()).toBeDefined(), 5_000)
    })

    it('that waits for its person is released by the next thing the person says', async () => {
      await post(messagePost(conversation))
      await settle(await claim(), { state: 'pending', reason: 'silent for a day', afterMs: 'forever' })
      await received(store, chatMessage({ chat: '2' }))
      expect(await claim()).toBeUndefined()
      await received(store, chatMessage())
      expect(await claim()).toMatchObject({ attempt: 2 })
    })

    it('leads back to its task', async () => {
      await post(messagePost(conversation, { taskId: 'task-1' }))
      await settle(await claim(), SENT)
      expect(await store.outbox.taskOf({ conversation, providerId: '42' })).toBe('task-1')
      expect(await store.outbox.taskOf({ conversation, providerId: '43' })).toBeUndefined()
    })
  })

  describe('a message nobody knows of', () => {
    it('is sent once its channel reports it, and not again', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      await settle(await claim(), unsure(200))
      await store.outbox.report([{ reference: 'p1', ...arrived }])
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(await claim()).toBeUndefined()
      expect(await store.outbox.counts()).toEqual({ sent: 1 })
    })

    it('is sent again when nothing was reported in time', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      await settle(await claim(), unsure(100))
      expect(await claim()).toBeUndefined()
      await vi.waitFor(async () => expect(await claim()).toMatchObject({ attempt: 2 }), 5_000)
    })

    it('holds back the later ones', async () => {
      await post(messagePost(conversation), messagePost(conversation))
      await settle(await claim(), unsure(60_000))
      expect(await claim()).toBeUndefined()
    })

    it('that failed after all is failed, also when the report is faster than the answer', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      const claimed = await claim()
      await store.outbox.report([{ reference: 'p1', outcome: 'failed', providerId: '42', reason: '131026' }])
      expect(await settle(claimed, SENT)).toBe(false)
      expect(await store.outbox.counts()).toEqual({ failed: 1 })
    })

    it('that could not be delivered for now is sent again, once, whatever of it is reported again and late', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      await settle(await claim(), { state: 'sent', providerId: '42' })
      const report = { reference: 'p1', providerId: '42' }
      for (const outcome of ['later', 'later', 'arrived'] as const)
        await store.outbox.report([{ ...report, outcome, afterMs: 100 }])
      const again = await vi.waitFor(async () => {
        const claimed = await claim()
        expect(claimed).toMatchObject({ attempt: 2 })
        return claimed
      }, 5_000)
      for (const outcome of ['later', 'arrived'] as const) await store.outbox.report([{ ...report, outcome }])
      expect(await settle(again, { state: 'sent', providerId: '43' })).toBe(true)
      await store.outbox.report([{ ...report, outcome: 'later' }])
      expect(await store.outbox.counts()).toEqual({ sent: 1 })
    })

    it('that could not be delivered is sent again also when the report is faster than the answer', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      const claimed = await claim()
      await store.outbox.report([{ reference: 'p1', providerId: '42', outcome: 'later', afterMs: 0 }])
      expect(await settle(claimed, SENT)).toBe(false)
      expect(await claim()).toMatchObject({ attempt: 2 })
    })

    it('that came too late for its person waits for the next word', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      await settle(await claim(), SENT)
      await store.outbox.report([{ reference: 'p1', outcome: 'out-of-window', providerId: '42' }])
      expect(await claim()).toBeUndefined()
      await received(store, chatMessage())
      expect(await claim()).toBeDefined()
    })

    it('whose second copy arrived as well is doubled, told and counted once', async () => {
      await post(messagePost(conversation, { id: 'p1', taskId: 'task-1' }), messagePost(conversation, { id: 'p2' }))
      await settle(await claim(), unsure(0))
      await settle(await claim(), { state: 'sent', providerId: '43' })
      const report = (providerId: string) => store.outbox.report([{ ...arrived, reference: 'p1', providerId }])
      const told = [await report('43'), await report('43'), await report('42'), await report('42'), await report('43')]
      expect(told).toEqual([[], [], ['p1'], [], []])
      expect(await store.outbox.counts({ taskId: 'task-1' })).toEqual({ sent: 1, doubled: 1 })
      expect(await store.outbox.counts()).toEqual({ sent: 1, pending: 1, doubled: 1 })
    })

    it('of which one copy failed and the other arrived is sent, once, whatever comes first', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      await settle(await claim(), unsure(0))
      await settle(await claim(), { state: 'sent', providerId: '43' })
      const copies = [
        { reference: 'p1', providerId: '42', outcome: 'later' },
        { reference: 'p1', ...arrived },
        { reference: 'p1', providerId: '43', outcome: 'arrived' },
      ] as const
      for (const report of copies) expect(await store.outbox.report([report])).toEqual([])
      expect(await store.outbox.counts()).toEqual({ sent: 1 })
    })

    it('that arrived is not sent again because its second copy failed', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      await settle(await claim(), unsure(0))
      await settle(await claim(), { state: 'sent', providerId: '43' })
      await store.outbox.report([{ reference: 'p1', ...arrived }])
      await store.outbox.report([{ reference: 'p1', providerId: '43', outcome: 'later' }])
      expect(await store.outbox.counts()).toEqual({ sent: 1 })
    })

    it('and waited for its person stays released, however often it is reported that it came too late', async () => {
      await post(messagePost(conversation, { id: 'p1' }), messagePost(conversation, { id: 'p2' }))
      const tooLate = (reference: string, providerId: string) =>
        store.outbox.report([{ reference, providerId, outcome: 'out-of-window' }])
      await settle(await claim(), SENT)
      await settle(await claim(), { state: 'sent', providerId: '43' })
      for (const [reference, id] of [
        ['p1', '42'],
        ['p2', '43'],
        ['p1', '42'],
      ] as const)
        await tooLate(reference, id)
      expect(await claim()).toBeUndefined()
      await received(store, chatMessage())
      await tooLate('p2', '43')
      await store.outbox.invite({ id: 'p2' })
      await settle(await claim(), { state: 'sent', providerId: '44' })
      await tooLate('p1', '42')
      await store.outbox.invite({ id: 'p1' })
      expect((await claim())?.post.id).toBe('p2')
      expect(await store.outbox.counts()).toEqual({ sent: 1, sending: 1 })
    })

    it('is told by whoever takes over', async () => {
      await post(messagePost(conversation, { id: 'p1' }))
      const claimed = await claim()
      expect(await opened.other.outbox.interrupted('telegram')).toMatchObject([
        { attempt: 1, post: { id: 'p1' }, claimedMs: expect.any(Number) as number },
      ])
      await settle(claimed, SENT)
      expect(await store.outbox.interrupted('telegram')).toEqual([])
    })
  })

  describe('an invitation', () => {
    const told = (...names: readonly string[]) =>
      post(...names.map((name) => messagePost(conversation, { id: `task-1/${name}`, taskId: 'task-1' })))
    /** What was taken for now comes too late after all, and waits for the person. */
    const tooLate = async () => {
      const late: { readonly reference: string; readonly providerId: string }[] = []
      for (let next = await claim(); next; next = await claim()) {
        const sent = { reference: next.post.id, providerId: `${next.post.id} ${next.attempt}` }
        await settle(next, { state: 'sent', providerId: sent.providerId })
        late.push(sent)
      }
      await store.outbox.report(late.map((sent) => ({ ...sent, outcome: 'out-of-window' })))
    }
    const invitations = async () => {
      const taken: string[] = []
      for (let next = await claim(); next; next = await claim()) {
        if (next.post.type === 'invitation') taken.push(next.post.id)
        await settle(next, SENT)
      }
      return taken
    }

    it('is made once for all that waits since the last word, of tasks or not', async () => {
      await told('card')
      await post(messagePost(conversation, { id: 'reply-1' }))
      await tooLate()
      for (const id of ['task-1/card', 'reply-1', 'task-1/card']) await store.outbox.invite({ id })
      expect(await invitations()).toHaveLength(1)
      expect(await store.outbox.counts({ taskId: 'task-1' })).toEqual({ pending: 1, sent: 1 })
    })

    it('of which nobody knows is made again when nothing was reported in time, and sent once it is', async () => {
      await told('card')
      await tooLate()
      await store.outbox.invite({ id: 'task-1/card' })
      await settle(await claim(), unsure(0))
      const again = await claim()
      expect(again).toMatchObject({ attempt: 2, post: { type: 'invitation' } })
      await settle(again, unsure(0))
      await store.outbox.report([{ reference: again?.post.id ?? '', ...arrived }])
      expect(await claim()).toBeUndefined()
      expect(await store.outbox.counts({ taskId: 'task-1' })).toEqual({ pending: 1, sent: 1 })
    })

    it('is left out when it were the fifth message of its task; answers to commands do not count', async () => {
      await told('card', 'ask-1')
      await post(...[1, 2, 3].map((number) => messagePost(conversation, { id: `reply-${number}`, taskId: 'task-1' })))
      await tooLate()
      await store.outbox.invite({ id: 'task-1/ask-1' })
      expect(await invitations()).toHaveLength(1)
      await received(store, chatMessage())
      await told('end')
      await tooLate()
      await store.outbox.invite({ id: 'task-1/end' })
      expect(await invitations()).toEqual([])
    })
  })

  it('an invitation is one before the end of its task, which may still have to ask and will be told', async () => {
    const waits = async (id: string) => {
      await post(messagePost(conversation, { id, taskId: 'task-1' }))
      const claimed = await claim()
      await settle(claimed, { state: 'pending', reason: 'late', afterMs: 'forever' })
      await store.outbox.invite({ id })
      const invitation = await claim()
      await settle(invitation, SENT)
      await received(store, chatMessage())
      await settle(await claim(), { state: 'sent', providerId: id })
      return invitation?.post.type
    }
    expect(await waits('task-1/card')).toBe('invitation')
    expect(await waits('task-1/ask-1')).toBeUndefined()
    expect(await waits('task-1/end')).toBeUndefined()
    expect(await store.outbox.counts({ taskId: 'task-1' })).toEqual({ sent: 4 })
  })

  describe('an edit', () => {
    beforeEach(() => post(messagePost(conversation, { id: 'card' })))

    it('waits for its message and carries its id, and holds nothing back', async () => {
      await post(edit('card', 'one'), messagePost(conversation, { id: 'next' }))
      const card = await claim()
      expect(await claim()).toBeUndefined()
      await settle(card, SENT)
      expect(await claim()).toMatchObject({ post: { type: 'edit' }, providerId: '42' })
      expect((await claim())?.post.id).toBe('next')
    })

    it('is the newest one, a second after the last', async () => {
      await settle(await claim(), SENT)
      await post(edit('card', 'one'), edit('card', 'two'))
      const first = await claim()
      expect(first?.post).toMatchObject({ text: { text: 'two' } })
      await settle(first, { state: 'sent' })
      const at = Date.now()
      await post(edit('card', 'three'))
      await post(edit('card', 'four'))
      expect(await claim()).toBeUndefined()
      const next = await vi.waitFor(async () => {
        const claimed = await claim()
        expect(claimed).toBeDefined()
        return claimed
      }, 5_000)
      expect(next?.post).toMatchObject({ text: { text: 'four' } })
      expect(Date.now() - at).toBeGreaterThan(800)
    })

    it('that comes while another one is sent is not lost', async () => {
      await settle(await claim(), SENT)
      await post(edit('card', 'one'))
      const first = await claim()
      await post(edit('card', 'two'))
      await settle(first, { state: 'sent' })
      await vi.waitFor(async () => expect((await claim())?.post).toMatchObject({ text: { text: 'two' } }), 5_000)
    })
  })

  it('wakes who sends, in every process', async () => {
    const woken = vi.fn<() => void>()
    await opened.other.outbox.subscribe(woken)
    await post(messagePost(conversation))
    await vi.waitFor(() => expect(woken).toHaveBeenCalled(), 5_000)
  })

  describe('followers', () => {
    const targets = ['telegram', 'callback'] as const
    const behind = () => store.followers.behind({ targets, limit: 10 })
    const accept = async (more: object = {}, request: object = {}) =>
      (await store.tasks.accept(acceptance({ channel: 'telegram', ...more }, request))).task.id

    it('are the chat a task came from and the address its requester named', async () => {
      const taskId = await accept({ conversation }, { callbackUrl: 'https://a.example/x' })
      await accept({ channel: 'api' })
      expect((await behind()).toSorted((one, other) => (one.target < other.target ? -1 : 1))).toEqual([
        { taskId, target: 'callback', url: 'https://a.example/x', seen: 0, asked: 0 },
        { taskId, target: 'telegram', conversation, seen: 0, asked: 0 },
      ])
      expect(await store.followers.behind({ targets: ['whatsapp'], limit: 10 })).toEqual([])
    })

    it('move on together with what they are told, once', async () => {
      const taskId = await accept({ conversation })
      const step = {
        taskId,
        target: 'telegram',
        asked: 1,
        from: { seen: 0, asked: 0 },
        to: 1,
        hasEnded: false,
      } as const
      const tell = (one: Store, id: string) =>
        one.followers.advance({ ...step, posts: [messagePost(conversation, { id })] })
      await Promise.all([tell(store, 'p1'), tell(opened.other, 'p2')])
      expect(await behind()).toEqual([])
      expect(await store.outbox.counts()).toEqual({ pending: 1 })
      await store.tasks.note({ taskId, events: [{ type: 'message-sent' }] })
      expect(await behind()).toMatchObject([{ seen: 1, asked: 1 }])
      await store.followers.advance({ ...step, from: { seen: 1, asked: 1 }, to: 2, hasEnded: true, posts: [] })
      await store.tasks.note({ taskId, events: [{ type: 'message-sent' }] })
      expect(await behind()).toEqual([])
    })

    it('are told something once, in place of a question while there is one left, else with the next card or end', async () => {
      const taskId = await accept({ conversation, aside: plain('first') })
      const asides = async () => (await store.outbox.asides(taskId)).map(({ text }) => text.text)
      const tell = (text: string) => {
        const aside = { id: `${taskId}/${text}`, taskId, conversation, text: plain(text) }
        return [store, opened.other].map(({ followers }) => followers.tell({ aside, target: 'telegram', most: 1 }))
      }
      await Promise.all(tell('second'))
      await Promise.all(tell('third'))
      expect(await behind()).toMatchObject([{ asked: 1 }])
      expect((await claim())?.post).toMatchObject({ type: 'message', text: { text: 'second' } })
      expect(await claim()).toBeUndefined()
      expect(await asides()).toEqual(['first', 'third'])
      expect(await store.outbox.counts({ taskId })).toEqual({ sending: 1 })
    })

    it('are told nothing that was thought out before somebody else asked', async () => {
      const taskId = await accept({ conversation, aside: plain('first') })
      const aside = { id: `${taskId}/hint`, taskId, conversation, text: plain('hint') }
      await store.followers.tell({ aside, target: 'telegram', most: 1 })
      const step = { taskId, target: 'telegram', asked: 1, to: 1, hasEnded: false }
      const card = messagePost(conversation, { id: 'card' })
      const told = { ...step, posts: [card], asides: [`${taskId}/aside`] }
      await store.followers.advance({ ...told, from: { seen: 0, asked: 0 } })
      expect(await behind()).toMatchObject([{ seen: 0, asked: 1 }])
      await store.followers.advance({ ...told, from: { seen: 0, asked: 1 } })
      expect(await behind()).toEqual([])
      expect(await store.outbox.asides(taskId)).toEqual([])
    })

    it('are woken by any task', async () => {
      const woken = vi.fn<() => void>()
      await opened.other.followers.subscribe(woken)
      await accept()
      await vi.waitFor(() => expect(woken).toHaveBeenCalled(), 5_000)
    })
  })
})
