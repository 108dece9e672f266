// Runs inside the sandbox in front of a command that may use the network: what connects to a port of the sandbox's own
// loopback comes out at the proxy's socket. It decides nothing; who goes round it reaches nothing.
const { spawn } = require('node:child_process')
const { connect, createServer } = require('node:net')
const { constants } = require('node:os')

const [port, socket, program, ...words] = process.argv.slice(1)

const server = createServer({ allowHalfOpen: true }, (inner) => {
  const outer = connect({ path: socket, allowHalfOpen: true })
  inner.on('error', () => outer.destroy())
  outer.on('error', () => inner.destroy())
  inner.pipe(outer).pipe(inner)
})
server.listen(Number(port), '127.0.0.1', () => {
  const child = spawn(program, words, { stdio: 'inherit' })
  child.on('error', () => {
    process.stderr.write(`${program}: not found\n`)
    process.exit(127)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
})
