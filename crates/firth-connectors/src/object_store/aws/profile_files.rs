//! The files in which the AWS tools keep profiles: where they are and how they read.
//!
//! `~/.aws/credentials` has sections `[name]`, `~/.aws/config` sections `[profile name]` and `[default]`. Lines that are indented
//! belong to the setting above them, such as `s3 =`; none of those is needed here.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::PathBuf,
};

use firth_diagnostic::{Code, Diagnostic, Result, Secret};

/// The environment, as far as a test does not say it.
pub(super) type Variables<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// What both files say.
#[derive(Debug, Default)]
pub(super) struct ProfileFiles {
    profiles: BTreeMap<String, Profile>,
    /// The files' paths, for messages.
    places: Vec<String>,
}

/// One profile. Every value is a secret, since some are.
#[derive(Debug, Default)]
pub(super) struct Profile {
    settings: HashMap<String, Secret>,
}

impl Profile {
    /// A setting. Set to nothing is not set.
    pub(super) fn setting(&self, name: &str) -> Option<&Secret> {
        self.settings.get(name).filter(|value| !value.is_empty())
    }

    /// A setting that is no secret.
    pub(super) fn plain(&self, name: &str) -> Option<&str> {
        self.setting(name).map(Secret::expose_secret)
    }
}

impl ProfileFiles {
    /// Reads both files. One that is not there says nothing.
    pub(super) fn read(variables: Variables<'_>) -> Result<Self> {
        let mut files = ProfileFiles::default();
        // The file of credentials wins where both say something.
        for (variable, name, is_config) in
            [("AWS_CONFIG_FILE", "config", true), ("AWS_SHARED_CREDENTIALS_FILE", "credentials", false)]
        {
            let Some(path) = path_of(variable, name, variables) else { continue };
            files.places.push(path.display().to_string());
            match std::fs::read_to_string(&path) {
                Ok(text) => files.add(&text, is_config),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Diagnostic::error(
                        Code::Io,
                        format!("could not read the file of AWS profiles {:?}", path.display().to_string()),
                    )
                    .detail(error.to_string()));
                }
            }
        }
        Ok(files)
    }

    fn add(&mut self, text: &str, is_config: bool) {
        let mut section: Option<String> = None;
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.starts_with([' ', '\t', '#', ';']) {
                continue;
            }
            let line = line.trim_end();
            if let Some(rest) = line.strip_prefix('[') {
                section = rest.split_once(']').and_then(|(heading, _)| profile_of(heading, is_config));
                if let Some(name) = &section {
                    self.profiles.entry(name.clone()).or_default();
                }
                continue;
            }
            let (Some(section), Some((name, value))) = (&section, line.split_once('=')) else { continue };
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim();
            let value = match name.as_str() {
                // A command may have a # of its own.
                "credential_process" => value,
                _ => without_comment(value),
            };
            if let Some(profile) = self.profiles.get_mut(section) {
                profile.settings.insert(name, Secret::new(value));
            }
        }
    }

    /// A profile by its name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// A profile by its name.
    pub(super) fn profile(&self, name: &str) -> Result<&Profile> {
        self.find(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let hint = match known.as_slice() {
                [] => "There are no profiles in these files, or no such files.".to_owned(),
                known => format!("There are: {}.", known.join(", ")),
            };
            Diagnostic::error(Code::NotFound, format!("there is no AWS profile {name:?}"))
                .detail(format!("looked for in {}", self.places.join(" and ")))
                .hint(hint)
        })
    }
}

/// The path that a variable gives, or that of the home.
fn path_of(variable: &str, name: &str, variables: Variables<'_>) -> Option<PathBuf> {
    let home = variables("HOME").map(PathBuf::from);
    match variables(variable) {
        Some(path) => match (path.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(PathBuf::from(path)),
        },
        None => Some(home?.join(".aws").join(name)),
    }
}

/// The profile that a section is of; other sections are those of `sso-session` and `services`.
fn profile_of(heading: &str, is_config: bool) -> Option<String> {
    let heading = without_comment(heading.trim()).trim();
    let name = match (is_config, heading) {
        (true, "default") | (false, _) => heading,
        (true, _) => heading.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']))?.trim(),
    };
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .or_else(|| name.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')))
        .unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// A value up to a comment, which begins with white space and `#` or `;`.
fn without_comment(value: &str) -> &str {
    let comment = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    comment.map_or(value, |at| value[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(config: &str, credentials: &str) -> ProfileFiles {
        let mut files = ProfileFiles::default();
        files.add(config, true);
        files.add(credentials, false);
        files
    }

    #[test]
    fn settings_are_found_as_the_aws_tools_find_them() {
        let files = files(
            "# mine\n[default]\nregion=eu-central-1\n\n[profile a b]\nREGION = eu-west-1 ; near\ns3 =\n  region = nested\n\
             [sso-session x]\nregion = none\n[stranger]\nregion = none\n[profile 'quoted']\nregion = q\n\
             credential_process = /bin/x --a '#1' #2\n",
            "[default]\naws_access_key_id = AK\naws_secret_access_key = a=b/c+\n[a b]\naws_access_key_id =\n",
        );
        let plain = |profile: &str, name: &str| {
            files.find(profile).and_then(|profile| profile.plain(name)).map(str::to_owned)
        };
        assert_eq!(plain("default", "region").as_deref(), Some("eu-central-1"));
        assert_eq!(plain("default", "aws_secret_access_key").as_deref(), Some("a=b/c+"));
        assert_eq!(plain("a b", "region").as_deref(), Some("eu-west-1"));
        assert_eq!(plain("a b", "aws_access_key_id"), None);
        assert_eq!(plain("quoted", "region").as_deref(), Some("q"));
        assert_eq!(plain("quoted", "credential_process").as_deref(), Some("/bin/x --a '#1' #2"));
        assert!(files.find("x").is_none() && files.find("stranger").is_none());
        let missing = files.profile("A b").expect_err("names are case-sensitive");
        assert_eq!(missing.message(), "there is no AWS profile \"A b\"");
        assert_eq!(missing.hints(), ["There are: a b, default, quoted."]);
        assert!(!format!("{files:?}").contains("a=b/c+"));
    }
}
