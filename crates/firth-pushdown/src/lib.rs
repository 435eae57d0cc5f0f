//! Logical plans to remote SQL: the rule, rendering, and the remote scan.
