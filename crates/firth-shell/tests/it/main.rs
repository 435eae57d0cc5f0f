//! The program from outside: tests that need the engine, the connectors and the shell.

mod bad_input;
mod batch;
mod canary;
mod cli;
mod crash;
mod docs;
mod examples;
mod export_commit;
mod export_s3s;
mod faults;
mod formats;
mod full_disk;
mod interrupt;
mod keyring;
mod kill_drill;
mod native;
mod place;
mod random_queries;
mod read_again;
mod scratch;
mod session;
mod slt;
mod tpch;
mod typed;
mod versioned;
mod victim;
