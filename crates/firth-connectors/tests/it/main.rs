//! Connectors against real servers. `cargo xtask servers up` starts them and says where they are.

mod object_store;
mod postgres;
