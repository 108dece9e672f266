import { defineSignal } from '@temporalio/workflow'
import type { BareSeat } from './plan.ts'

/** From a bare builder: the request is taken. */
export const bareSeatSignal = defineSignal<[BareSeat]>('bareSeat')
