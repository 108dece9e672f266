create table api_key (
  id text not null,
  tenant text not null,
  name text not null,
  roles text[] not null,
  hash text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint api_key_hash_key UNIQUE (hash),
  constraint api_key_pkey PRIMARY KEY (id)
);
CREATE INDEX api_key_by_tenant ON public.api_key USING btree (tenant);

create table attachment (
  message bigint not null,
  name text,
  media_type text,
  size integer,
  bytes bytea,
  left_out text,
  constraint attachment_check CHECK (((bytes IS NULL) = (left_out IS NOT NULL))),
  constraint attachment_message_fkey FOREIGN KEY (message) REFERENCES chat_message(number),
  constraint attachment_pkey PRIMARY KEY (message)
);

create table builder (
  id text not null,
  pid integer not null,
  host text not null,
  state text not null,
  seats integer not null,
  seats_used integer not null,
  tasks text[] not null,
  started_at timestamp with time zone not null default now(),
  last_heartbeat_at timestamp with time zone not null default now(),
  restarts integer not null,
  cpu double precision not null,
  rss_bytes bigint not null,
  idle_since timestamp with time zone,
  supervised boolean not null default false,
  constraint builder_pkey PRIMARY KEY (id)
);

create table chat_conversation (
  id text not null,
  channel text not null,
  chat text not null,
  thread text not null default ''::text,
  reach text,
  repository text,
  constraint chat_conversation_channel_chat_thread_key UNIQUE (channel, chat, thread),
  constraint chat_conversation_pkey PRIMARY KEY (id)
);

create table chat_link (
  code_hash text not null,
  subject text not null,
  name text not null,
  tenant text not null,
  roles text[] not null,
  expires_at timestamp with time zone not null,
  used_by bigint,
  constraint chat_link_pkey PRIMARY KEY (code_hash)
);

create table chat_message (
  channel text not null,
  id text not null,
  number bigint not null generated always as identity,
  conversation text not null,
  place double precision not null,
  message json not null,
  received_at timestamp with time zone not null default now(),
  handled_at timestamp with time zone,
  constraint chat_message_conversation_fkey FOREIGN KEY (conversation) REFERENCES chat_conversation(id),
  constraint chat_message_number_key UNIQUE (number),
  constraint chat_message_pkey PRIMARY KEY (channel, id)
);
CREATE INDEX chat_message_unhandled ON public.chat_message USING btree (conversation, place, number) WHERE (handled_at IS NULL);

create table chat_user (
  channel text not null,
  sender text not null,
  subject text not null,
  name text not null,
  tenant text not null,
  roles text[] not null,
  linked_at timestamp with time zone not null default now(),
  constraint chat_user_pkey PRIMARY KEY (channel, sender)
);

create table checkpoint (
  task_id text not null,
  commit text not null,
  tree text not null,
  bundle bytea not null,
  made_at timestamp with time zone not null default now(),
  constraint checkpoint_pkey PRIMARY KEY (task_id),
  constraint checkpoint_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table delivery (
  task_id text not null,
  commit text not null,
  patch bytea not null,
  constraint delivery_pkey PRIMARY KEY (task_id),
  constraint delivery_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table event (
  task_id text not null,
  sequence integer not null,
  at timestamp with time zone not null default now(),
  type text not null,
  data json not null,
  constraint event_pkey PRIMARY KEY (task_id, sequence),
  constraint event_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table follower (
  task_id text not null,
  target text not null,
  conversation text,
  url text,
  seen integer not null default 0,
  asked integer not null default 0,
  ended_at timestamp with time zone,
  constraint follower_pkey PRIMARY KEY (task_id, target),
  constraint follower_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);
CREATE INDEX follower_conversation ON public.follower USING btree (conversation, task_id DESC) WHERE (conversation IS NOT NULL);
CREATE INDEX follower_open ON public.follower USING btree (task_id) WHERE (ended_at IS NULL);

create table inbox (
  tenant text not null,
  channel text not null,
  key text not null,
  digest text not null,
  task_id text not null,
  received_at timestamp with time zone not null default now(),
  constraint inbox_pkey PRIMARY KEY (tenant, channel, key),
  constraint inbox_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table message (
  task_id text not null,
  number bigint not null generated always as identity,
  author text not null,
  text text not null,
  turn integer,
  created_at timestamp with time zone not null default now(),
  attachment bigint,
  constraint message_attachment_fkey FOREIGN KEY (attachment) REFERENCES attachment(message),
  constraint message_pkey PRIMARY KEY (number),
  constraint message_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);
CREATE INDEX message_by_task ON public.message USING btree (task_id, turn);

create table migration (
  name text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (name)
);

create table model_call (
  task_id text not null,
  turn integer not null,
  at timestamp with time zone not null default now(),
  model text not null,
  usage json not null,
  usd double precision not null,
  constraint model_call_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);
CREATE INDEX model_call_by_task ON public.model_call USING btree (task_id);

create table outbox (
  id text not null,
  number bigint not null generated always as identity,
  target text not null,
  type text not null,
  conversation text not null,
  task_id text,
  post json not null,
  version integer not null default 1,
  sent_version integer not null default 0,
  state text not null default 'pending'::text,
  attempt integer not null default 0,
  due_at timestamp with time zone not null default now(),
  sent_at timestamp with time zone,
  provider_id text,
  reason text,
  created_at timestamp with time zone not null default now(),
  claimed_at timestamp with time zone,
  copies jsonb not null default '{}'::jsonb,
  released_at timestamp with time zone,
  constraint outbox_number_key UNIQUE (number),
  constraint outbox_pkey PRIMARY KEY (id)
);
CREATE INDEX outbox_open ON public.outbox USING btree (target, number) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text]));
CREATE INDEX outbox_order ON public.outbox USING btree (conversation, number) WHERE ((type = 'message'::text) AND (state = ANY (ARRAY['pending'::text, 'sending'::text])));
CREATE INDEX outbox_sent ON public.outbox USING btree (conversation, provider_id) WHERE (provider_id IS NOT NULL);
CREATE INDEX outbox_task ON public.outbox USING btree (task_id) WHERE (task_id IS NOT NULL);

create table receipt (
  task_id text not null,
  receipt json not null,
  constraint receipt_pkey PRIMARY KEY (task_id),
  constraint receipt_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table snapshot (
  task_id text not null,
  snapshot json not null,
  constraint snapshot_pkey PRIMARY KEY (task_id),
  constraint snapshot_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table taken_message (
  task_id text not null,
  key text not null,
  answer text not null,
  constraint taken_message_pkey PRIMARY KEY (task_id, key),
  constraint taken_message_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table task (
  id text not null,
  tenant text not null,
  requester text not null,
  channel text not null,
  title text not null,
  kind text not null,
  state text not null,
  priority smallint not null,
  prompt text not null,
  request json not null,
  budget_usd double precision,
  max_turns integer not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  started_at timestamp with time zone,
  retry_of text,
  seat integer not null default 0,
  builder_id text,
  builder_attempt integer not null default 0,
  turn integer not null default 0,
  plan json not null default '[]'::json,
  last_event text not null default 'task-received'::text,
  sequence integer not null default 0,
  waiting json,
  usd double precision not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  thought_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  model_calls integer not null default 0,
  understanding json,
  route json,
  base_commit text,
  result json,
  error json,
  understood_round integer not null default 0,
  parent_id text,
  part integer,
  constraint task_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES task(id),
  constraint task_pkey PRIMARY KEY (id),
  constraint task_priority_check CHECK (((priority >= 1) AND (priority <= 5)))
);
CREATE UNIQUE INDEX task_by_parent ON public.task USING btree (parent_id, part) WHERE (parent_id IS NOT NULL);
CREATE INDEX task_by_requester ON public.task USING btree (tenant, requester, id DESC);
CREATE INDEX task_by_state ON public.task USING btree (tenant, state, id DESC);
CREATE INDEX task_by_tenant ON public.task USING btree (tenant, id DESC);
CREATE INDEX task_open ON public.task USING btree (builder_id) WHERE (ended_at IS NULL);

create table tool_call (
  task_id text not null,
  turn integer not null,
  position integer not null,
  id text not null,
  name text not null,
  args json not null,
  decision text not null,
  state text not null default 'pending'::text,
  response json,
  output text,
  summary text,
  approval_id text,
  approval_expires_at timestamp with time zone,
  approval_decision text,
  approval_comment text,
  approval_by text,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  approval_hash text,
  constraint tool_call_approval_id_key UNIQUE (approval_id),
  constraint tool_call_pkey PRIMARY KEY (task_id, turn, "position"),
  constraint tool_call_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);

create table turn (
  task_id text not null,
  number integer not null,
  model text,
  parts json,
  finish_reason text,
  started_at timestamp with time zone not null default now(),
  answered_at timestamp with time zone,
  constraint turn_pkey PRIMARY KEY (task_id, number),
  constraint turn_task_id_fkey FOREIGN KEY (task_id) REFERENCES task(id)
);
