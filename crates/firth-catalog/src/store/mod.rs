//! What is stored, a file for each kind of thing: its SQL, and the methods of `Catalog` over it.

mod audit;
mod connections;
mod datasets;
mod descriptions;
mod export_runs;
pub(crate) mod lake;
pub(crate) mod migrations;
pub(crate) mod rehearsal;
pub(crate) mod sealing_key;
mod tables;
mod value;
