create table thumbnails (
    id text primary key, picture text not null, state text not null default 'waiting',
    tries int not null default 0, by text, error text, begun_at timestamptz, made_at timestamptz,
    asked_at timestamptz not null default clock_timestamp());
