/**
 * V8's flag for two megabytes of young objects in each thread, read when the thread begins. What a step makes is garbage
 * in milliseconds; by itself V8 keeps up to 48 MB for that.
 */
export const SMALL_YOUNG_SPACE = '--max-semi-space-size=2'
