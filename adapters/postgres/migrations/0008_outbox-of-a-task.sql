-- What became of the messages about one task.

create index outbox_task on outbox (task_id) where task_id is not null;
