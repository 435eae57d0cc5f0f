//! DataFusion plans what the rewriting answers.
