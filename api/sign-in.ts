import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { GatewayError } from '../domain/errors.ts'
import type { Caller } from '../domain/permissions.ts'
import type { Api } from './endpoint.ts'

const COOKIE = 'ocg_session'
/** A link in a terminal is followed within minutes. */
const CODE_LIFE_MS = 15 * 60_000
/** One working day; the next start prints a new link. */
const SESSION_LIFE_MS = 10 * 3_600_000
/** Who follows the link printed by the process is its operator. */
const OPERATOR: Caller = { subject: 'operator', name: 'operator', tenant: 'default', roles: ['admin'] }

/** Browser sessions that begin with a one-time link. They end with the process. */
export interface SignIn {
  /** A code for `/sign-in/<code>`, good once and for 15 minutes. */
  issueCode(): string
  /** Starts a session for a code; undefined when it is unknown, used or old. */
  redeem(code: string): string | undefined
  /** The caller of a request with a session; only for a request without an Authorization header. */
  callerOf(context: Context): Caller | undefined
}

/** Keeps codes and sessions in memory. */
export function createSignIn({ clock }: { readonly clock: () => Date }): SignIn {
  const codes = new Map<string, number>()
  const sessions = new Map<string, number>()
  const now = () => clock().getTime()
  const secret = () => randomBytes(24).toString('base64url')
  return {
    issueCode() {
      const code = secret()
      codes.set(code, now() + CODE_LIFE_MS)
      return code
    },
    redeem(code) {
      const until = codes.get(code)
      codes.delete(code)
      if (until === undefined || until < now()) return undefined
      const session = secret()
      sessions.set(session, now() + SESSION_LIFE_MS)
      return session
    },
    callerOf(context) {
      if (context.req.header('authorization') !== undefined || isForeign(context)) return undefined
      const until = sessions.get(getCookie(context, COOKIE) ?? '')
      return until !== undefined && until > now() ? OPERATOR : undefined
    },
  }
}

/** Whether another site caused the request; the cookie's own SameSite rule is the first guard, this the second. */
function isForeign(context: Context): boolean {
  const site = context.req.header('sec-fetch-site')
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

/** Adds the page the one-time link leads to. */
export function addSignIn(api: Api, signIn: SignIn): void {
  api.get('/sign-in/:code', (context) => {
    // A preview of the link must not use it up.
    if (context.req.method === 'HEAD') return context.body(null)
    const session = signIn.redeem(context.req.param('code'))
    if (session === undefined)
      throw new GatewayError(
        'unauthenticated',
        'This sign-in link was used or is too old. Start the gateway again for a new one.',
      )
    setCookie(context, COOKIE, session, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: new URL(context.req.url).protocol === 'https:',
      maxAge: SESSION_LIFE_MS / 1_000,
    })
    return context.redirect('/docs')
  })
}
