/** Every workflow type of the gateway, as workers bundle them. */
export { manageTask } from './manage-task.ts'
export { buildTask } from './build-task.ts'
export { converse } from './converse.ts'
