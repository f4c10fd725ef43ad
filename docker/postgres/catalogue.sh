#!/bin/sh
# Run once, by PostgreSQL's image, in an empty database: the store's catalogue has a database and a
# user of its own, so that a training which writes it holds no key to the registry.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$CATALOGUE_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE catalogue LOGIN PASSWORD :'password';
CREATE DATABASE catalogue OWNER catalogue;
REVOKE CONNECT ON DATABASE :"DBNAME" FROM PUBLIC;
SQL
