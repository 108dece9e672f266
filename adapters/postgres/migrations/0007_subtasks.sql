-- Sub-tasks: tasks of their own that belong to another one and are `part` of it, counted from 1.
alter table task add column parent_id text references task (id);
alter table task add column part integer;
create unique index task_by_parent on task (parent_id, part) where parent_id is not null;
