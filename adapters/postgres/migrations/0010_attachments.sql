-- Files that came with messages of chats, each decided once: kept, or left out for a reason.

create table attachment (
  message bigint primary key references chat_message (number),
  name text,
  media_type text,
  size integer,
  bytes bytea,
  left_out text,
  check ((bytes is null) = (left_out is not null))
);

alter table message add column attachment bigint references attachment (message);
