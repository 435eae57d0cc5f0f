//! What statements parse to.
