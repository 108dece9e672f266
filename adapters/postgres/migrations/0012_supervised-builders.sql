-- Whether a gateway started the builder: then that gateway drains it, and every gateway plans with that.
alter table builder add column supervised boolean not null default false;
