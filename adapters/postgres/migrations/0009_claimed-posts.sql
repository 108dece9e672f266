-- When the last attempt to send a post began: how long nobody may have heard what became of it.

alter table outbox add column claimed_at timestamptz;
