-- What each message to a task was answered: the step that takes it may be repeated after its answer was lost.
create table taken_message (
  task_id text not null references task (id),
  key text not null,
  answer text not null,
  primary key (task_id, key)
);

-- The round of understanding whose outcome the task holds; a repeated round is not paid again.
alter table task add column understood_round integer not null default 0;
