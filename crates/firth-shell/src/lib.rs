//! The firth program: shell, batch files, output formats.
