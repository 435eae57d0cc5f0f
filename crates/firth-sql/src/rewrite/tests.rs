//! Rewritten queries as text.
