'use strict'
// Starts processes for the process that started this one, and ends them when that one is silent or gone. See
// fork-server.ts, which speaks its language: frames of a length, a kind, a process's number and a payload.
const { spawn } = require('node:child_process')
const { Socket } = require('node:net')
const { setPriority } = require('node:os')

const [silenceMs] = process.argv.slice(2).map(Number)
const HEAD_BYTES = 9
const LOOK_MS = 250

const children = new Map()
const channel = new Socket({ fd: 3, readable: true, writable: true })
let lastWord = Date.now()
/** What came of a frame that is not whole yet, and how many bytes it takes to go on. */
let pieces = []
let heldBytes = 0
let neededBytes = HEAD_BYTES

function send(kind, id, payload) {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head.writeUInt32BE(payload.length, 0)
  head.write(kind, 4, 'latin1')
  head.writeUInt32BE(id, 5)
  channel.cork()
  channel.write(head)
  const flows = channel.write(payload)
  channel.uncork()
  // Whoever says more than is listened to waits.
  if (!flows) for (const child of children.values()) for (const output of outputsOf(child)) output.pause()
}

const outputsOf = ({ stdout, stderr }) => [stdout, stderr].filter(Boolean)
const sendWords = (kind, id, words) => send(kind, id, Buffer.from(JSON.stringify(words)))

function start(id, payload) {
  const wordBytes = payload.readUInt32BE(0)
  const words = JSON.parse(payload.toString('utf8', 4, 4 + wordBytes))
  const inputs = words.inputs.map((bytes, index, all) => {
    const begin = 4 + wordBytes + all.slice(0, index).reduce((sum, more) => sum + Math.max(more, 0), 0)
    return bytes < 0 ? undefined : payload.subarray(begin, begin + bytes)
  })
  const [stdin, extra] = inputs
  const refused = ({ message, code, syscall }) => sendWords('!', id, { message, code, syscall })
  let child
  try {
    child = spawn(words.file, words.args, {
      cwd: words.directory,
      env: words.environment,
      detached: words.ownGroup,
      stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(extra ? ['pipe'] : [])],
    })
  } catch (error) {
    return refused(error)
  }
  child.on('error', refused)
  if (child.pid === undefined) return
  children.set(id, child)
  child.ownGroup = words.ownGroup
  if (words.niceness) calm(child.pid, words.niceness)
  sendWords('p', id, child.pid)
  for (const [index, bytes] of [stdin, undefined, undefined, extra].entries()) {
    if (!bytes) continue
    // A command that ends without reading its input closes the pipe; its exit code tells what matters.
    child.stdio[index].on('error', () => undefined)
    child.stdio[index].end(bytes)
  }
  child.stdout.on('data', (bytes) => send('o', id, bytes))
  child.stderr.on('data', (bytes) => send('e', id, bytes))
  child.on('exit', (code, signal) => sendWords('x', id, { code, signal }))
  child.on('close', () => {
    children.delete(id)
    sendWords('c', id, null)
  })
}

function calm(pid, niceness) {
  try {
    setPriority(pid, niceness)
  } catch {
    // It has ended already.
  }
}

function end({ pid, ownGroup }) {
  try {
    process.kill(ownGroup ? -pid : pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

function take(kind, id, payload) {
  if (kind === 'r') start(id, payload)
  if (kind === 'a') for (const output of outputsOf(children.get(id) ?? {})) output.destroy()
}

channel.on('data', (bytes) => {
  lastWord = Date.now()
  pieces.push(bytes)
  heldBytes += bytes.length
  if (heldBytes < neededBytes) return
  let rest = Buffer.concat(pieces)
  for (neededBytes = HEAD_BYTES; rest.length >= neededBytes; neededBytes = HEAD_BYTES) {
    neededBytes += rest.readUInt32BE(0)
    if (rest.length < neededBytes) break
    take(String.fromCharCode(rest[4]), rest.readUInt32BE(5), rest.subarray(HEAD_BYTES, neededBytes))
    rest = rest.subarray(neededBytes)
  }
  pieces = [rest]
  heldBytes = rest.length
})
channel.on('drain', () => {
  for (const child of children.values()) for (const output of outputsOf(child)) output.resume()
})
channel.on('error', () => undefined)
channel.on('close', () => {
  for (const child of children.values()) end(child)
  process.exit(0)
})

setInterval(() => {
  if (Date.now() - lastWord < silenceMs) return
  // This process may have stood still itself: first hear what was said meanwhile.
  setImmediate(() => {
    if (Date.now() - lastWord >= silenceMs) for (const child of children.values()) if (child.ownGroup) end(child)
  })
}, LOOK_MS)
