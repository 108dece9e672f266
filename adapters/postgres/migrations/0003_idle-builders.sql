-- Since when a builder has had no task: the pool takes away who has been idle for long.
alter table builder add column idle_since timestamptz;
