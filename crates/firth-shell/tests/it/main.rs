//! The program from outside: tests that need the engine, the connectors and the shell.

mod cli;
mod docs;
