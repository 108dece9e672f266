/** The full id of a git object: anything shorter or cleverer is a name that git would have to interpret. */
export const OBJECT_ID = /^[0-9a-f]{40}([0-9a-f]{24})?$/
