const STEP = 0x6d2b79f5
const UINT32 = 2 ** 32

/** Random numbers that are the same for the same seed (mulberry32): a run can be repeated by its seed. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.state = (this.state + STEP) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / UINT32
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new Error('a choice from nothing')
    return values[Math.floor(this.next() * values.length)] as T
  }

  shuffled<T>(values: readonly T[]): T[] {
    const left = [...values]
    const order: T[] = []
    while (left.length > 0) order.push(...left.splice(Math.floor(this.next() * left.length), 1))
    return order
  }
}
