#!/bin/sh
# Run once by the image's entrypoint, in the database that is being made. The database belongs to a
# role that cannot log in; login roles become that role, so that a second one can take over when
# passwords are rotated.
set -eu

psql --no-psqlrc --no-password --quiet --username "$POSTGRES_USER" --dbname postgres \
  --set ON_ERROR_STOP=1 <<'END'
-- The statements hold a password.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set login `cat /etc/postgresql-credentials/database-user`
\set password `cat /etc/postgresql-credentials/database-password`

CREATE ROLE anonlink NOLOGIN;
CREATE ROLE :"login" LOGIN INHERIT PASSWORD :'password' IN ROLE anonlink;
CREATE DATABASE anonlink OWNER anonlink;
REVOKE ALL ON DATABASE anonlink FROM PUBLIC;
ALTER ROLE :"login" IN DATABASE anonlink SET role = 'anonlink';
END
