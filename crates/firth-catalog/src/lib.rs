//! Connections, datasets, tables and the audit trail: definitions, sealing, the SQLite store.
