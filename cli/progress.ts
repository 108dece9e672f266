/** Says what happens, one line each, with the seconds since the start. */
export function createProgress(out: { write(text: string): unknown }): (line: string) => void {
  const started = performance.now()
  return (line) => {
    const seconds = ((performance.now() - started) / 1_000).toFixed(1).padStart(5)
    out.write(`${seconds} s  ${line}\n`)
  }
}
