-- Chats: what people say there, who they are, what the gateway sends, and who is told about a task.

create table chat_conversation (
  id text primary key,
  channel text not null,
  chat text not null,
  thread text not null default '',
  -- Whom the channel reaches this chat by now, when it is not `chat` itself.
  reach text,
  repository text,
  unique (channel, chat, thread)
);

create table chat_message (
  channel text not null,
  id text not null,
  number bigint generated always as identity unique,
  conversation text not null references chat_conversation (id),
  place double precision not null,
  message json not null,
  received_at timestamptz not null default now(),
  handled_at timestamptz,
  primary key (channel, id)
);
create index chat_message_unhandled on chat_message (conversation, place, number) where handled_at is null;

create table chat_user (
  channel text not null,
  sender text not null,
  subject text not null,
  name text not null,
  tenant text not null,
  roles text[] not null,
  linked_at timestamptz not null default now(),
  primary key (channel, sender)
);

create table chat_link (
  code_hash text primary key,
  subject text not null,
  name text not null,
  tenant text not null,
  roles text[] not null,
  expires_at timestamptz not null,
  -- The message that used it up.
  used_by bigint
);

create table outbox (
  id text primary key,
  number bigint generated always as identity unique,
  target text not null,
  type text not null,
  conversation text not null,
  task_id text,
  post json not null,
  -- Grows with each change of an edit: what was sent meanwhile is sent again.
  version integer not null default 1,
  sent_version integer not null default 0,
  state text not null default 'pending',
  attempt integer not null default 0,
  due_at timestamptz not null default now(),
  sent_at timestamptz,
  provider_id text,
  reason text,
  created_at timestamptz not null default now()
);
create index outbox_open on outbox (target, number) where state in ('pending', 'sending');
create index outbox_order on outbox (conversation, number) where type = 'message' and state in ('pending', 'sending');
create index outbox_sent on outbox (conversation, provider_id) where provider_id is not null;

create table follower (
  task_id text not null references task (id),
  target text not null,
  conversation text,
  url text,
  seen integer not null default 0,
  asked integer not null default 0,
  ended_at timestamptz,
  primary key (task_id, target)
);
create index follower_open on follower (task_id) where ended_at is null;
create index follower_conversation on follower (conversation, task_id desc) where conversation is not null;
