/** Bounds that several rooms must agree on, with the reason for each number. */

/** Temporal stores every payload in history for ever; above this a value travels as a reference. */
export const MAX_PAYLOAD_BYTES = 64 * 1024
/** What of one tool's output the model is shown; the rest stays in the store under its reference. */
export const MAX_TOOL_OUTPUT_IN_PROMPT = 16 * 1024
/** A conversation that is larger gives its oldest turns for a snapshot: with the rest a request stays below 1 MiB. */
export const MAX_CONVERSATION_BYTES = 640 * 1024
/** What stays of it word for word. */
export const KEPT_CONVERSATION_BYTES = 256 * 1024
/** What people may say between two turns: of more, each message keeps its share. */
export const MAX_SAID_BYTES = 192 * 1024
/**
 * What of a chat's files the model is shown. They stand beside the conversation's bound: an image or a PDF cannot be
 * shortened, and all of a task as base64 still fit the 20 MB that Gemini takes in one request.
 */
export const MAX_FILE_BYTES = 8 * 1024 * 1024
export const MAX_FILES_BYTES = 12 * 1024 * 1024
export const MAX_FILES = 8
/** Every turn pays for the words of a text file: this is about 32,000 tokens. */
export const MAX_TEXT_FILE_BYTES = 128 * 1024
/** What of one tool's output is kept at all. */
export const MAX_TOOL_OUTPUT_BYTES = 4 * 1024 * 1024
/** A verification log the model and the reader get back: the end says why it failed. */
export const MAX_VERIFICATION_LOG = 12 * 1024
/** A command of the model that runs longer is ended; the model may ask for less. */
export const COMMAND_TIMEOUT_MS = 10 * 60_000
/** Three rejected deliveries end the task: more rounds cost money and seldom help. */
export const MAX_VERIFICATIONS = 3
/** Half of Temporal's own 4,096: a run that is replayed stays fast. */
export const CONTINUE_AS_NEW_EVENTS = 1_500
export const CONTINUE_AS_NEW_BYTES = 1024 * 1024
/** More events than any task has: a page that is the whole. */
export const ALL_EVENTS = 1_000_000
/** As often the same call with the same result in a row, and a person is asked whether it leads anywhere. */
export const LOOPING_CALLS = 10
/** Three builders lost at the same step is the step's fault, not the builders'. */
export const POISON_LOSSES = 3
/** A living builder may fail because its database is away; with growing pauses so many failures last three minutes. */
export const POISON_FAILURES = 10
/**
 * What a person is told of a task by new messages that ring; more is noise. The template that asks for a word is one of
 * them, and so is what is said of a file. What answers a command, or says or asks
 * what a message is for, is not: it was asked for.
 */
export const MESSAGES_PER_TASK = 4
/** Whoever is not reached for three days does not wait for an answer any more. */
export const UNREACHED_LIMIT_MS = 3 * 86_400_000
/** Services deliver what was said in one breath in any order: so long a message waits for those said before it. */
export const SETTLE_MS = 200
/** More parts than that are no independent work: merging them would cost more than building them at once saves. */
export const MAX_SUBTASKS = 8
/** A message takes eight events of a conversation's history: its run ends far below Temporal's own limit. */
export const MESSAGES_PER_RUN = 500
