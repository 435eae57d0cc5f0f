//! Texts as S3, Azure and GCS send them.
