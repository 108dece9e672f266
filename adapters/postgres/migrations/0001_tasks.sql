-- Tasks, their events and the inbox that makes accepting one exactly-once.
-- JSON that must come back byte for byte (model parts, arguments) is `json`, never `jsonb`: jsonb reorders keys.

create table task (
  id text primary key,
  tenant text not null,
  requester text not null,
  channel text not null,
  title text not null,
  kind text not null,
  state text not null,
  priority smallint not null check (priority between 1 and 5),
  prompt text not null,
  request json not null,
  budget_usd double precision,
  max_turns integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz,
  started_at timestamptz,
  retry_of text,
  -- The Manager's growing seat number: the fence every builder's write is compared with.
  seat integer not null default 0,
  builder_id text,
  builder_attempt integer not null default 0,
  turn integer not null default 0,
  plan json not null default '[]',
  last_event text not null default 'task-received',
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
  error json
);
create index task_by_tenant on task (tenant, id desc);
create index task_open on task (updated_at) where ended_at is null;

create table inbox (
  tenant text not null,
  channel text not null,
  key text not null,
  digest text not null,
  task_id text not null references task (id),
  received_at timestamptz not null default now(),
  primary key (tenant, channel, key)
);

create table event (
  task_id text not null references task (id),
  sequence integer not null,
  at timestamptz not null default now(),
  type text not null,
  data json not null,
  primary key (task_id, sequence)
);

create table turn (
  task_id text not null references task (id),
  number integer not null,
  model text,
  parts json,
  finish_reason text,
  started_at timestamptz not null default now(),
  answered_at timestamptz,
  primary key (task_id, number)
);

create table model_call (
  task_id text not null references task (id),
  turn integer not null,
  at timestamptz not null default now(),
  model text not null,
  usage json not null,
  usd double precision not null
);
create index model_call_by_task on model_call (task_id);

create table tool_call (
  task_id text not null references task (id),
  turn integer not null,
  position integer not null,
  id text not null,
  name text not null,
  args json not null,
  decision text not null,
  state text not null default 'pending',
  response json,
  output text,
  summary text,
  approval_id text unique,
  approval_expires_at timestamptz,
  approval_decision text,
  approval_comment text,
  approval_by text,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (task_id, turn, position)
);

-- Text of people and of the gateway for the model; `turn` is the turn it stands before, null until one takes it.
create table message (
  task_id text not null references task (id),
  number bigint generated always as identity primary key,
  author text not null,
  text text not null,
  turn integer,
  created_at timestamptz not null default now()
);
create index message_by_task on message (task_id, turn);

create table checkpoint (
  task_id text primary key references task (id),
  commit text not null,
  tree text not null,
  bundle bytea not null,
  made_at timestamptz not null default now()
);

create table delivery (
  task_id text primary key references task (id),
  commit text not null,
  patch bytea not null
);

create table receipt (
  task_id text primary key references task (id),
  receipt json not null
);

create table api_key (
  id text primary key,
  tenant text not null,
  name text not null,
  roles text[] not null,
  hash text not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

create table builder (
  id text primary key,
  pid integer not null,
  host text not null,
  state text not null,
  seats integer not null,
  seats_used integer not null,
  tasks text[] not null,
  started_at timestamptz not null default now(),
  last_heartbeat_at timestamptz not null default now(),
  restarts integer not null,
  cpu double precision not null,
  rss_bytes bigint not null
);
