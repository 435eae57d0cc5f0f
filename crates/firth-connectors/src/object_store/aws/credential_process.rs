//! `credential_process`: a program that prints a credential as JSON.

use std::{
    process::Stdio,
    time::{Duration, SystemTime},
};

use chrono::DateTime;
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use object_store::aws::AwsCredential;
use serde::Deserialize;

use super::temporary::Temporary;

/// How long the program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: i64,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Runs `command`, without a shell, and reads what it prints. Nothing of it gets into messages: neither the
/// command, which may hold a password, nor its output.
pub(super) async fn run(profile: &str, command: &Secret) -> Result<Temporary> {
    let failed = |how: String| {
        Diagnostic::error(
            Code::Unauthenticated,
            format!("the `credential_process` of the AWS profile {profile:?} {how}"),
        )
        .hint("Run the command by hand to see what it says.")
    };
    let words =
        words(command.expose_secret()).ok_or_else(|| failed("has a quote that does not end".to_owned()))?;
    let [program, arguments @ ..] = words.as_slice() else { return Err(failed("is empty".to_owned())) };
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, child.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => {
            return Err(failed("could not be started".to_owned()).detail(error.kind().to_string()));
        }
        Err(_) => return Err(failed(format!("did not end within {} seconds", PATIENCE.as_secs()))),
    };
    if !output.status.success() {
        return Err(failed(format!("failed ({})", output.status)));
    }
    // serde's words would quote what it found.
    let printed: Printed = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("printed something else than a credential".to_owned()))?;
    if printed.version != 1 {
        return Err(failed("printed a credential of another version than 1".to_owned()));
    }
    let expires = match printed.expiration {
        Some(text) => Some(SystemTime::from(
            DateTime::parse_from_rfc3339(&text)
                .map_err(|_| failed("printed an expiration that is no time".to_owned()))?,
        )),
        None => None,
    };
    let credential = AwsCredential {
        key_id: printed.access_key_id,
        secret_key: printed.secret_access_key,
        token: printed.session_token,
    };
    Ok(Temporary { credential, expires })
}

/// The words of a command, as a shell splits them by spaces, quotes and backslashes. `None` if a quote does not end.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(characters.next()?),
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == quote => break,
                        '\\' if quote == '"' => match characters.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        assert_eq!(
            words(r#"/bin/x  --name "a \"b\" \c" 'd "e\' '' f\ g"#).expect("whole"),
            ["/bin/x", "--name", r#"a "b" \c"#, r#"d "e\"#, "", "f g"]
        );
        assert_eq!(words("x 'open"), None);
    }

    #[tokio::test]
    async fn what_it_prints_is_no_message() {
        for printed in [
            "hunter2",
            r#"{"Version": 1, "AccessKeyId": "hunter2"}"#,
            r#"{"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "hunter2"}"#,
        ] {
            let command = Secret::new(format!("printf %s '{printed}'"));
            let error = run("p", &command).await.err().expect("refused");
            assert!(!error.render(None, false).contains("hunter2"), "{error}");
        }
        let error = run("p", &Secret::new("sh -c 'exit 3' hunter2")).await.err().expect("failed");
        assert_eq!(
            error.message(),
            "the `credential_process` of the AWS profile \"p\" failed (exit status: 3)"
        );
    }
}
