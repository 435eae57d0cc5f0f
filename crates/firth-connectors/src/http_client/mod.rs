//! What all stores that are asked by HTTP have in common: how long they wait, what they ask again, and where to.

mod body;
pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod limits;
mod list_answer;
