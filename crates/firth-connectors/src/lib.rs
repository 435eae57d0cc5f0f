//! The connectors: one folder for each kind of system.
