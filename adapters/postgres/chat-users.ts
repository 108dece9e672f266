import type { Pool } from 'pg'
import type { IdentityChange } from '../../domain/chat/message.ts'
import type { Caller, Role } from '../../domain/permissions.ts'
import type { ChatUsers } from '../../domain/ports/chat-store.ts'
import { inTransaction, type Transaction } from './transaction.ts'

interface AccountRow {
  subject: string
  name: string
  tenant: string
  roles: Role[]
}

const callerOf = ({ subject, name, tenant, roles }: AccountRow): Caller => ({ subject, name, tenant, roles })

type Redeem = Parameters<ChatUsers['redeemLink']>[0]

/** Links between chat users and accounts in PostgreSQL. */
export function createChatUsers(pool: Pool): ChatUsers {
  return {
    async callerOf({ channel, sender }) {
      const { rows } = await pool.query<AccountRow>(
        // An account that is a key has the roles of the key now, and ends with it.
        `select u.subject, u.name, u.tenant, coalesce(k.roles, u.roles) as roles
         from chat_user u left join api_key k on u.subject like 'key:%' and k.id = substr(u.subject, 5)
         where u.channel = $1 and u.sender = any($2)
           and (u.subject not like 'key:%' or (k.id is not null and k.revoked_at is null
             and (k.expires_at is null or k.expires_at > now())))
         order by u.linked_at desc limit 1`,
        [channel, idsOf(sender)],
      )
      return rows[0] && callerOf(rows[0])
    },
    follow: (change) => inTransaction(pool, (transaction) => followToNewIds(transaction, change)),
    async offerLink({ codeHash, caller, expiresAt }) {
      await pool.query(
        `insert into chat_link (code_hash, subject, name, tenant, roles, expires_at) values ($1, $2, $3, $4, $5, $6)`,
        [codeHash, caller.subject, caller.name, caller.tenant, caller.roles, expiresAt],
      )
    },
    redeemLink: (link) => inTransaction(pool, (transaction) => redeem(transaction, link)),
  }
}

const idsOf = ({ id, alias }: Redeem['sender']): string[] => (alias === undefined ? [id] : [id, alias])

/** Also in the transaction of whoever learns of a person's new ids. */
export async function followToNewIds(transaction: Transaction, { channel, from, to }: IdentityChange): Promise<void> {
  const { rows } = await transaction.query<AccountRow>(
    `select * from chat_user where channel = $1 and sender = any($2) order by linked_at desc limit 1`,
    [channel, from],
  )
  const [account] = rows
  if (!account) return
  transaction.write('delete from chat_user where channel = $1 and sender = any($2)', [channel, from])
  tie(transaction, { channel, sender: to }, account)
}

async function redeem(transaction: Transaction, link: Redeem): Promise<Caller | undefined> {
  const { rows } = await transaction.query<AccountRow>(
    `update chat_link set used_by = $2 where code_hash = $1 and (used_by = $2 or (used_by is null and expires_at > now()))
     returning *`,
    [link.codeHash, link.message],
  )
  const account = rows[0]
  if (!account) return undefined
  tie(transaction, link, account)
  return callerOf(account)
}

function tie(
  transaction: Transaction,
  { channel, sender }: Pick<Redeem, 'channel' | 'sender'>,
  { subject, name, tenant, roles }: AccountRow,
): void {
  for (const id of idsOf(sender))
    transaction.write(
      `insert into chat_user (channel, sender, subject, name, tenant, roles) values ($1, $2, $3, $4, $5, $6)
       on conflict (channel, sender) do update set subject = $3, name = $4, tenant = $5, roles = $6, linked_at = now()`,
      [channel, id, subject, name, tenant, roles],
    )
}
