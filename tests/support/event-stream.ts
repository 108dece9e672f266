/** One server-sent event. */
export interface Frame {
  readonly id: number
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** The events of a stream as they come; comments are left out. Leaving the loop closes the stream. */
export async function* framesOf(response: Response): AsyncGenerator<Frame> {
  const type = response.headers.get('content-type')
  if (response.status !== 200 || type !== 'text/event-stream' || !response.body)
    throw new Error(`no event stream: ${response.status} ${type} ${await response.text()}`)
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) if (!block.startsWith(':')) yield frameOf(block)
  }
}

/** The next frames of a stream that stays open. */
export async function take(frames: AsyncGenerator<Frame>, count: number): Promise<readonly Frame[]> {
  const taken: Frame[] = []
  while (taken.length < count) {
    const { done, value } = await frames.next()
    if (done) throw new Error(`the stream ended after ${taken.length} of ${count} events`)
    taken.push(value)
  }
  return taken
}

function frameOf(block: string): Frame {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    }),
  )
  return { id: Number(fields['id']), event: String(fields['event']), data: JSON.parse(String(fields['data'])) }
}
