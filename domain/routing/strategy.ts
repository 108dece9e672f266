import type { Priority, TaskKind } from '../task.ts'

/** Which instructions and tools a Builder gets. */
export type Profile = 'engineering' | 'analysis' | 'operations'

/** Who does a task and how. */
export interface Route {
  /** The strategy that decided, for the `task-queued` event. */
  readonly strategy: string
  readonly model: string
  readonly profile: Profile
}

/** What a strategy may look at. */
export interface RoutingContext {
  readonly taskId: string
  readonly kind: TaskKind
  readonly priority: Priority
  readonly risk: 'low' | 'medium' | 'high'
  readonly repositoryUrl?: string | undefined
  readonly models: { readonly main: string; readonly fast: string }
}

/** One way to decide. It answers what it knows and leaves the rest to the strategies behind it. */
export interface RoutingStrategy {
  readonly name: string
  route(context: RoutingContext): Partial<Route> | undefined
}

/** The strategy at the end of a chain: it must answer everything. */
export interface TerminalStrategy {
  readonly name: string
  route(context: RoutingContext): Omit<Route, 'strategy'>
}
