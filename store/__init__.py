"""TimescaleDB: migrations and all the SQL; the one room that speaks it."""
