-- Lists of one state or one requester, and a tenant's keys, without reading everything the tenant has.
create index task_by_state on task (tenant, state, id desc);
create index task_by_requester on task (tenant, requester, id desc);
create index api_key_by_tenant on api_key (tenant);

-- Open tasks are looked for by their builder. `updated_at` changes with every write: an index on it made each write of
-- a task a write of every index.
drop index task_open;
create index task_open on task (builder_id) where ended_at is null;
