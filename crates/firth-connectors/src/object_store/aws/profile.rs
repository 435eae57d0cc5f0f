//! What a profile says of where its credential comes from. Reads nothing but the files' settings.

use std::path::PathBuf;

use firth_diagnostic::{Code, Diagnostic, Result, Secret};

use super::profile_files::{Profile, ProfileFiles, Variables};

/// Where a credential comes from.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    /// It stands there.
    Key { id: String, secret: Secret, token: Option<Secret> },
    /// A program prints it.
    Process { command: Secret },
    /// The token service gives it for a token in a file.
    WebIdentity { role: Role, token_file: PathBuf },
    /// The token service gives it to whoever has another credential.
    AssumedRole { role: Role, by: Box<Source> },
    /// The machine's role.
    Instance,
    /// The container's role.
    Container,
}

/// A role and how it is taken.
#[derive(Debug, PartialEq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<Secret>,
    pub(super) duration_seconds: Option<String>,
}

/// How the session of a role is called where the profile does not say.
const SESSION_NAME: &str = "firth";

/// The source of a profile's credential.
pub(super) fn source_of(name: &str, files: &ProfileFiles, variables: Variables<'_>) -> Result<Source> {
    follow(name, files, variables, &mut Vec::new())
}

fn follow<'a>(
    name: &'a str,
    files: &'a ProfileFiles,
    variables: Variables<'_>,
    passed: &mut Vec<&'a str>,
) -> Result<Source> {
    let profile = files.profile(name)?;
    // A role may be taken by the key beside it: a profile that names itself as its source means that one.
    let is_end = passed.last() == Some(&name);
    if !is_end && passed.contains(&name) {
        return Err(refused(name, "takes a role from itself, by way of others")
            .hint("Let the last `source_profile` name a profile with a key."));
    }
    if let (Some(arn), false) = (profile.plain("role_arn"), is_end) {
        let role = Role {
            arn: arn.to_owned(),
            session_name: profile.plain("role_session_name").unwrap_or(SESSION_NAME).to_owned(),
            external_id: profile.setting("external_id").cloned(),
            duration_seconds: profile.plain("duration_seconds").map(str::to_owned),
        };
        if profile.setting("mfa_serial").is_some() {
            return Err(refused(name, "takes a role that asks for the code of a device (`mfa_serial`)")
                .hint(by_aws_cli(name)));
        }
        return match (
            profile.plain("web_identity_token_file"),
            profile.plain("source_profile"),
            profile.plain("credential_source"),
        ) {
            (Some(file), None, None) => Ok(Source::WebIdentity { role, token_file: PathBuf::from(file) }),
            (None, Some(source), None) => {
                passed.push(name);
                let by = Box::new(follow(source, files, variables, passed)?);
                Ok(Source::AssumedRole { role, by })
            }
            (None, None, Some(source)) => {
                let by = Box::new(named_source(name, source, variables)?);
                Ok(Source::AssumedRole { role, by })
            }
            _ => Err(refused(name, "has a `role_arn` that does not say by whom it is taken").hint(
                "Give one of `source_profile`, `credential_source` and `web_identity_token_file` beside it.",
            )),
        };
    }
    if let Some(key) = key_of(name, profile)? {
        return Ok(key);
    }
    if let Some(command) = profile.setting("credential_process") {
        return Ok(Source::Process { command: command.clone() });
    }
    if ["sso_session", "sso_account_id", "sso_start_url", "login_session"]
        .iter()
        .any(|setting| profile.setting(setting).is_some())
    {
        return Err(
            refused(name, "logs in with a browser (SSO), which is not done here").hint(by_aws_cli(name))
        );
    }
    Err(refused(name, "has no credential").hint(
        "Give it `aws_access_key_id` and `aws_secret_access_key`, a `role_arn`, or a `credential_process`.",
    ))
}

fn key_of(name: &str, profile: &Profile) -> Result<Option<Source>> {
    match (profile.plain("aws_access_key_id"), profile.setting("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Some(Source::Key {
            id: id.to_owned(),
            secret: secret.clone(),
            token: profile.setting("aws_session_token").cloned(),
        })),
        (None, None) => Ok(None),
        _ => Err(refused(name, "has half a key")
            .hint("Give it both `aws_access_key_id` and `aws_secret_access_key`.")),
    }
}

/// What `credential_source` names.
fn named_source(name: &str, source: &str, variables: Variables<'_>) -> Result<Source> {
    match source {
        "Environment" => match (variables("AWS_ACCESS_KEY_ID"), variables("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => Ok(Source::Key {
                id,
                secret: Secret::new(secret),
                token: variables("AWS_SESSION_TOKEN").map(Secret::new),
            }),
            _ => Err(refused(name, "takes a role by the environment's key, and there is none")
                .hint("Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")),
        },
        "Ec2InstanceMetadata" => Ok(Source::Instance),
        "EcsContainer" => Ok(Source::Container),
        _ => Err(refused(name, "has a `credential_source` that is not known")
            .hint("It may be Environment, Ec2InstanceMetadata or EcsContainer.")),
    }
}

/// What the AWS tools can do instead of us.
fn by_aws_cli(name: &str) -> String {
    let quoted = if name.contains(char::is_whitespace) { format!("'{name}'") } else { name.to_owned() };
    format!(
        "Log in with the AWS CLI, and use another profile that has \
         `credential_process = aws configure export-credentials --profile {quoted} --format process`."
    )
}

fn refused(name: &str, why: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("the AWS profile {name:?} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, config: &str) -> Result<Source> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config"), config).expect("written");
        let variables = |name: &str| match name {
            "AWS_CONFIG_FILE" => Some(folder.path().join("config").display().to_string()),
            "HOME" => Some(folder.path().display().to_string()),
            _ => None,
        };
        source_of(name, &ProfileFiles::read(&variables)?, &variables)
    }

    #[test]
    fn roles_are_followed_to_a_key() {
        let config = "[profile key]\naws_access_key_id = AK\naws_secret_access_key = hunter2\n\
                      [profile one]\nrole_arn = arn:1\nsource_profile = key\nexternal_id = x\n\
                      [profile two]\nrole_arn = arn:2\nsource_profile = one\nduration_seconds = 900\nrole_session_name = me\n\
                      [profile own]\nrole_arn = arn:3\nsource_profile = own\naws_access_key_id = AK\naws_secret_access_key = hunter2\n\
                      [profile web]\nrole_arn = arn:4\nweb_identity_token_file = /t\n\
                      [profile machine]\nrole_arn = arn:5\ncredential_source = Ec2InstanceMetadata\n";
        let key =
            || Box::new(Source::Key { id: "AK".to_owned(), secret: Secret::new("hunter2"), token: None });
        let role = |arn: &str| Role {
            arn: arn.to_owned(),
            session_name: "firth".to_owned(),
            external_id: None,
            duration_seconds: None,
        };
        let one = Source::AssumedRole {
            role: Role { external_id: Some(Secret::new("x")), ..role("arn:1") },
            by: key(),
        };
        let two = Source::AssumedRole {
            role: Role {
                duration_seconds: Some("900".to_owned()),
                session_name: "me".to_owned(),
                ..role("arn:2")
            },
            by: Box::new(one),
        };
        assert_eq!(source("two", config).expect("found"), two);
        assert_eq!(
            source("own", config).expect("found"),
            Source::AssumedRole { role: role("arn:3"), by: key() }
        );
        let web = Source::WebIdentity { role: role("arn:4"), token_file: PathBuf::from("/t") };
        assert_eq!(source("web", config).expect("found"), web);
        let machine = Source::AssumedRole { role: role("arn:5"), by: Box::new(Source::Instance) };
        assert_eq!(source("machine", config).expect("found"), machine);
        assert!(!format!("{:?}", source("two", config)).contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_done_says_what_to_do() {
        let shown = |config: &str| {
            let error = source("p", config).expect_err("refused");
            format!("{} | {}", error.message(), error.hints().join(" "))
        };
        insta::assert_snapshot!(
            [
                "[profile p]\nsso_session = corp\nsso_account_id = 1\n",
                "[profile p]\nregion = r\n",
                "[profile p]\naws_access_key_id = AK\n",
                "[profile p]\nrole_arn = a\n",
                "[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\nsource_profile = p\n",
                "[profile p]\nrole_arn = a\nsource_profile = q\nmfa_serial = m\n",
                "[profile p]\nrole_arn = a\ncredential_source = Environment\n",
                "[profile p]\nrole_arn = a\nsource_profile = absent\n",
            ]
            .map(shown)
            .join("\n"),
            @r#"
            the AWS profile "p" logs in with a browser (SSO), which is not done here | Log in with the AWS CLI, and use another profile that has `credential_process = aws configure export-credentials --profile p --format process`.
            the AWS profile "p" has no credential | Give it `aws_access_key_id` and `aws_secret_access_key`, a `role_arn`, or a `credential_process`.
            the AWS profile "p" has half a key | Give it both `aws_access_key_id` and `aws_secret_access_key`.
            the AWS profile "p" has a `role_arn` that does not say by whom it is taken | Give one of `source_profile`, `credential_source` and `web_identity_token_file` beside it.
            the AWS profile "p" takes a role from itself, by way of others | Let the last `source_profile` name a profile with a key.
            the AWS profile "p" takes a role that asks for the code of a device (`mfa_serial`) | Log in with the AWS CLI, and use another profile that has `credential_process = aws configure export-credentials --profile p --format process`.
            the AWS profile "p" takes a role by the environment's key, and there is none | Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
            there is no AWS profile "absent" | There are: p.
            "#
        );
    }
}
