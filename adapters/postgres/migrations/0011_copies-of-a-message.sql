-- What a channel reported of each copy of a message, by the provider's ids: `arrived` or `failed`.

alter table outbox add column copies jsonb not null default '{}';
