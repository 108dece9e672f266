-- What an approval was asked for, so that it lets run nothing else: SHA-256 of the call, hex.
alter table tool_call add column approval_hash text;
