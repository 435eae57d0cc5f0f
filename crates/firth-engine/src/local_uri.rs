//! Paths of this machine as uris, which are raw: `%`, spaces and accents in them are those of the path.

use std::path::{Component, Path, PathBuf};

/// The uri of a path, which may be relative. `None` if it is not Unicode.
pub(crate) fn local_uri(path: &Path) -> Option<String> {
    let whole = without_parents(&std::path::absolute(path).ok()?);
    Some(format!("file://{}", whole.to_str()?))
}

/// The path without `..`, which uris cannot have.
fn without_parents(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                // Above a link is the folder that holds what it leads to.
                whole = whole.canonicalize().unwrap_or(whole);
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_uris_as_they_are() {
        let uri = |path: &str| local_uri(Path::new(path)).expect("Unicode");
        assert_eq!(uri("/a b/c%20*.csv"), "file:///a b/c%20*.csv");
        assert_eq!(uri("/none/../é/./x#?.csv"), "file:///é/x#?.csv");
        assert!(uri("c.csv").starts_with("file:///"));
    }
}
