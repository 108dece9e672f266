-- When the person a post waited for has written: from then on it may be sent, and its time to arrive counts.

alter table outbox add column released_at timestamptz;
