//! The pages under `docs/`: the book's list names each of them, and links between pages lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::Finding;

/// The list that mdBook makes the book of.
const SUMMARY: &str = "docs/SUMMARY.md";
/// Folders whose pages another page lists.
const OWN_LISTS: [(&str, &str); 2] =
    [("docs/adr/", "docs/adr/README.md"), ("docs/benchmarks/", "docs/benchmarks/README.md")];

/// Checks a page's links to other files of the repository. `read` answers a file's text.
pub(super) fn check_links(path: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, target) in links(text) {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let Some(to) = resolved(path, file) else {
            findings.push(Finding::new(path, line, format!("{target:?} leads out of the repository")));
            continue;
        };
        let Some(there) = read(&to) else {
            findings.push(Finding::new(path, line, format!("{target:?} leads nowhere")));
            continue;
        };
        if !anchor.is_empty() && to.ends_with(".md") && !headings(&there).any(|heading| heading == anchor) {
            findings.push(Finding::new(path, line, format!("{to} has no heading for {anchor:?}")));
        }
    }
    findings
}

/// Checks that a list names every page: the book's, or the one of the page's folder where that has its own.
pub(super) fn check_lists(paths: &[String], read: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_page = |path: &&String| path.starts_with("docs/") && path.ends_with(".md") && *path != SUMMARY;
    for path in paths.iter().filter(is_page) {
        let own = OWN_LISTS.iter().find(|(folder, list)| path.starts_with(folder) && path != list);
        let list = own.map_or(SUMMARY, |(_, list)| list);
        let text = read(list).unwrap_or_default();
        let mut listed = links(&text).into_iter().filter_map(|(_, target)| resolved(list, target));
        if !listed.any(|listed| listed == *path) {
            findings.push(Finding::new(list, 1, format!("{path} is not in the list")));
        }
    }
    findings
}

/// Relative targets of `](…)`, with their lines. What stands in code is none.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            continue;
        }
        // Every second part is within back-quotes.
        for (number, part) in line.split('`').enumerate() {
            let within = number % 2 == 1;
            let targets = part.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            let relative = targets.map(|(target, _)| target).filter(|target| !target.contains("://"));
            found.extend(relative.filter(|_| !within).map(|target| (index + 1, target)));
        }
    }
    found
}

/// The path of a link's target in the repository. An empty one is the page itself.
fn resolved(page: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(page.to_string());
    }
    let mut path = PathBuf::new();
    for part in Path::new(page).parent()?.join(target).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    path.to_str().map(str::to_string)
}

/// What headings are called in links: small letters, hyphens for spaces, no punctuation.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::lines;

    fn read(path: &str) -> Option<String> {
        let pages = [("docs/b.md", "# B\n## Where `secrets` are, now\n"), ("README.md", "# R")];
        pages.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_string())
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](b.md) [b](../README.md) [c](https://example.com/x) `[d](code.md)`\n```\n[e](code.md)\n```\n\
                    [f](b.md#where-secrets-are-now) [g](c.md)\n[h](b.md#nothing) [i](../../x.md)\n";
        assert_eq!(
            lines(check_links("docs/a.md", text, read)),
            [
                "docs/a.md:5: \"c.md\" leads nowhere",
                "docs/a.md:6: docs/b.md has no heading for \"nothing\"",
                "docs/a.md:6: \"../../x.md\" leads out of the repository",
            ]
        );
    }

    #[test]
    fn a_page_that_is_not_in_the_list_is_found() {
        let paths =
            ["docs/SUMMARY.md", "docs/a.md", "docs/x/b.md", "docs/adr/1.md", "docs/adr/2.md", "README.md"];
        let read = |path: &str| match path {
            SUMMARY => Some("- [A](a.md)\n".to_string()),
            "docs/adr/README.md" => Some("[1](1.md)".to_string()),
            _ => None,
        };
        assert_eq!(
            lines(check_lists(&paths.map(str::to_string), read)),
            [
                "docs/SUMMARY.md:1: docs/x/b.md is not in the list",
                "docs/adr/README.md:1: docs/adr/2.md is not in the list",
            ]
        );
    }
}
