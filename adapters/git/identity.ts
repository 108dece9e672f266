const IDENTITY = { name: 'OpenClaw Builder', email: 'builder@openclaw.invalid' }

/** Author and committer of the gateway's commits at a time in seconds since 1970. */
export const identityAt = (at: number): Readonly<Record<string, string>> => ({
  GIT_AUTHOR_NAME: IDENTITY.name,
  GIT_AUTHOR_EMAIL: IDENTITY.email,
  GIT_AUTHOR_DATE: `@${at} +0000`,
  GIT_COMMITTER_NAME: IDENTITY.name,
  GIT_COMMITTER_EMAIL: IDENTITY.email,
  GIT_COMMITTER_DATE: `@${at} +0000`,
})
