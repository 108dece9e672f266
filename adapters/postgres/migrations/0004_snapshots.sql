-- What stays of the turns a long conversation no longer shows the model.
create table snapshot (
  task_id text primary key references task (id),
  snapshot json not null
);
