#!/bin/sh
# Creates Temporal's two databases on PostgreSQL, and brings their tables up to
# the version that this temporal-sql-tool carries in itself. It may run again at
# any time; after the images' versions have been raised, it upgrades.
#
# SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD: the server, and a user who may
# create databases.
set -eu
: "${SQL_PASSWORD:?set POSTGRES_PASSWORD in .env}"
export SQL_PLUGIN=postgres12

# database, and what its tables are called in the tool
setup() {
	temporal-sql-tool --db "$1" create-database
	temporal-sql-tool --db "$1" setup-schema --version 0.0
	temporal-sql-tool --db "$1" update-schema --schema-name "postgresql/v12/$2"
}

setup temporal temporal
setup temporal_visibility visibility
