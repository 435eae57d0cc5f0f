//! AWS connections by profile: the files of the AWS tools, with the credentials that they name, against a real store.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::Command,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use firth_testkit::servers::{S3, Servers};

use crate::place::{PATIENCE, Place, shown, stderr};

/// A home with `~/.aws`, and a table `t` at the store with one row.
struct Profiles {
    place: Place,
    server: S3,
}

impl Profiles {
    fn new(test: &str) -> Option<Profiles> {
        let server = Servers::from_env().require_s3(test)?;
        let place = Place::new();
        place.connect_s3();
        let folder = crate::scratch::unique("profiles");
        place.run(&format!(
            "EXPORT DATA WITH CONNECTION us.lake OPTIONS (format = 'PARQUET', uri = 's3://{0}/{folder}/t-*.parquet', atomic = FALSE)
               AS SELECT 41 AS a;
             CREATE SCHEMA s;",
            server.bucket
        ));
        fs::create_dir(place.path().join(".aws")).expect("made");
        place.file("uri", format!("s3://{}/{folder}/t-*.parquet", server.bucket));
        Some(Profiles { place, server })
    }

    fn config(&self, text: &str) -> &Self {
        self.place.file(".aws/config", text);
        self
    }

    fn credentials(&self, text: &str) -> &Self {
        self.place.file(".aws/credentials", text);
        self
    }

    /// The store's key as settings.
    fn key(&self) -> String {
        format!(
            "aws_access_key_id = {}\naws_secret_access_key = {}\n",
            self.server.access_key_id, self.server.secret_access_key
        )
    }

    /// The store's key as a program prints it.
    fn json(&self, more: &str) -> String {
        format!(
            r#"{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}"{more}}}"#,
            self.server.access_key_id, self.server.secret_access_key
        )
    }

    /// A program in the home, which counts how often it runs in `runs`.
    fn program(&self, script: &str) -> String {
        let path = self.place.path().join("credential.sh");
        fs::write(&path, format!("#!/bin/sh\necho run >> '{}/runs'\n{script}", self.place.path().display()))
            .expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("allowed");
        path.display().to_string()
    }

    fn runs(&self) -> usize {
        self.place.read("runs").unwrap_or_default().lines().count()
    }

    fn command(&self, options: &str, sql: &str) -> Command {
        let sql = format!(
            "CREATE OR REPLACE CONNECTION us.by_profile OPTIONS (connection_type = 'AWS', endpoint = '{}'{options});
             CREATE OR REPLACE EXTERNAL TABLE s.t WITH CONNECTION us.by_profile OPTIONS (format = 'PARQUET', uris = ['{}']);
             {sql}",
            self.server.endpoint,
            self.place.read("uri").expect("written")
        );
        let mut command = self.place.command(&["--format", "csv", "-c", &sql]);
        for name in
            ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE"]
        {
            command.env_remove(name);
        }
        command.env("HOME", self.place.path());
        command
    }

    /// What a query over the table answers, for a connection with `options` in an environment.
    fn answer(&self, options: &str, variables: &[(&str, &str)]) -> String {
        let output = self
            .command(options, "SELECT a + 1 AS b FROM s.t")
            .envs(variables.iter().copied())
            .output()
            .expect("started");
        let text = shown(&output);
        assert!(!text.contains(&self.server.secret_access_key) && !text.contains("hunter2"), "{text}");
        if output.status.success() {
            String::from_utf8_lossy(&output.stdout).into_owned()
        } else {
            stderr(&output)
        }
    }
}

/// A connection that is opened once only: by the query, and not before it is made.
const UNCHECKED: &str = ", profile = 'p', validate = FALSE";

const ROW: &str = "b\n42\n";

#[test]
fn keys_are_found_where_the_aws_tools_find_them() {
    let Some(profiles) = Profiles::new("keys_are_found_where_the_aws_tools_find_them") else { return };
    let key = profiles.key();
    let wrong = "aws_access_key_id = AKIANOBODY\naws_secret_access_key = hunter2\n";
    // The credentials' file wins over the config file.
    profiles
        .config(&format!("[profile lake]\nregion = us-east-1\n{wrong}"))
        .credentials(&format!("[lake]\n{key}"));
    assert_eq!(profiles.answer(", profile = 'lake'", &[]), ROW);
    assert_eq!(profiles.answer("", &[("AWS_PROFILE", "lake")]), ROW);
    // A profile that is named is taken even if the environment has a key; one that is not is not.
    let environment =
        [("AWS_ACCESS_KEY_ID", "AKIANOBODY"), ("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_PROFILE", "lake")];
    assert_eq!(profiles.answer(", profile = 'lake'", &environment), ROW);
    assert!(profiles.answer("", &environment).starts_with("error[unauthenticated]"));
    // The default profile needs no name.
    profiles.config(&format!("[default]\n{key}")).credentials("");
    assert_eq!(profiles.answer("", &[]), ROW);
    // Files elsewhere.
    let elsewhere = profiles.place.path().join("elsewhere").display().to_string();
    profiles.place.file("elsewhere", format!("[other]\n{key}"));
    assert_eq!(profiles.answer(", profile = 'other'", &[("AWS_SHARED_CREDENTIALS_FILE", &elsewhere)]), ROW);

    let missing = profiles.answer(", profile = 'absent'", &[]);
    assert!(missing.contains("error[not_found]: there is no AWS profile \"absent\""), "{missing}");
    assert!(missing.contains("There are: default."), "{missing}");
    profiles.config(&format!("[profile lake]\n{wrong}"));
    let refused = profiles.answer(", profile = 'lake'", &[]);
    assert!(refused.starts_with("error[unauthenticated]"), "{refused}");
    profiles.config("[profile lake]\nsso_session = corp\nsso_account_id = 1\n");
    let sso = profiles.answer(", profile = 'lake'", &[]);
    assert!(sso.contains("aws configure export-credentials --profile lake"), "{sso}");
}

#[test]
fn a_program_gives_the_credential_and_is_asked_again_when_it_is_refused_or_ends() {
    let Some(profiles) =
        Profiles::new("a_program_gives_the_credential_and_is_asked_again_when_it_is_refused_or_ends")
    else {
        return;
    };
    let program = profiles.program(&format!("printf '%s' '{}'", profiles.json("")));
    profiles.config(&format!("[profile p]\ncredential_process = '{program}' --account \"a b\"\n"));
    assert_eq!(profiles.answer(UNCHECKED, &[]), ROW);
    assert_eq!(profiles.runs(), 1, "one credential for all requests of a session");

    // The first one it gives is no longer good.
    fs::remove_file(profiles.place.path().join("runs")).expect("there");
    let revoked = r#"{"Version": 1, "AccessKeyId": "AKIANOBODY", "SecretAccessKey": "hunter2"}"#;
    profiles.program(&format!(
        "if [ $(wc -l < '{0}/runs') = 1 ]; then printf '%s' '{revoked}'; else printf '%s' '{1}'; fi",
        profiles.place.path().display(),
        profiles.json("")
    ));
    assert_eq!(profiles.answer(UNCHECKED, &[]), ROW);
    assert_eq!(profiles.runs(), 2, "once more, and no more");

    // One that ends within minutes is replaced before every request.
    fs::remove_file(profiles.place.path().join("runs")).expect("there");
    let soon =
        Command::new("date").args(["-u", "-d", "+2 minutes", "+%Y-%m-%dT%H:%M:%SZ"]).output().expect("runs");
    let soon = String::from_utf8_lossy(&soon.stdout).trim().to_owned();
    profiles.program(&format!("printf '%s' '{}'", profiles.json(&format!(r#", "Expiration": "{soon}""#))));
    assert_eq!(profiles.answer(UNCHECKED, &[]), ROW);
    assert!(profiles.runs() > 1, "{}", profiles.runs());

    // One that has ended is an error, and so is a program that fails; neither is asked for ever.
    profiles
        .program(&format!("printf '%s' '{}'", profiles.json(r#", "Expiration": "2020-01-01T00:00:00Z""#)));
    let ended = profiles.answer(UNCHECKED, &[]);
    assert!(
        ended.contains("error[unauthenticated]: the credential of the AWS profile \"p\" has expired"),
        "{ended}"
    );
    profiles.program("echo hunter2; echo hunter2 >&2; exit 3");
    let failed = profiles.answer(UNCHECKED, &[]);
    assert!(
        failed.contains("the `credential_process` of the AWS profile \"p\" failed (exit status: 3)"),
        "{failed}"
    );

    // Keys that stay refused are not asked for again by every request.
    fs::remove_file(profiles.place.path().join("runs")).expect("there");
    profiles.program(&format!("printf '%s' '{revoked}'"));
    assert!(profiles.answer(UNCHECKED, &[]).starts_with("error[unauthenticated]"));
    assert!(profiles.runs() <= 2, "{}", profiles.runs());
}

/// A stand-in for the token service: hands out `answer` and tells what it was asked.
fn token_service(answer: (&'static str, String)) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
            let mut request = String::new();
            let mut buffer = [0; 4096];
            loop {
                let read = socket.read(&mut buffer).unwrap_or(0);
                request.push_str(&String::from_utf8_lossy(&buffer[..read]));
                let whole = request.split_once("\r\n\r\n").is_some_and(|(_, body)| body.contains("Version="));
                if read == 0 || whole {
                    break;
                }
            }
            let (status, body) = &answer;
            let length = body.len();
            let _ = write!(
                socket,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = sender.send(request);
        }
    });
    (url, asked)
}

#[test]
fn roles_are_taken_by_a_key_and_by_a_token() {
    let Some(profiles) = Profiles::new("roles_are_taken_by_a_key_and_by_a_token") else { return };
    let granted = |action: &str| {
        format!(
            "<{action}Response><{action}Result><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
             <SessionToken>TOKEN</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{action}Result>\
             </{action}Response>",
            profiles.server.access_key_id, profiles.server.secret_access_key
        )
    };
    profiles.place.file("token", "hunter2-of-the-web\n");
    profiles
        .config(&format!(
            "[profile reader]\nrole_arn = arn:aws:iam::1:role/reader\nsource_profile = me\nexternal_id = e&1\n\
             region = eu-central-1\n\
             [profile web]\nrole_arn = arn:aws:iam::1:role/web\nweb_identity_token_file = {}\nregion = eu-central-1\n",
            profiles.place.path().join("token").display()
        ))
        .credentials("[me]\naws_access_key_id = AKIAME\naws_secret_access_key = hunter2\n");

    let (url, asked) = token_service(("200 OK", granted("AssumeRole")));
    let answer = profiles.answer(", profile = 'reader'", &[("AWS_ENDPOINT_URL_STS", &url)]);
    let request = asked.recv_timeout(PATIENCE).expect("asked").to_lowercase();
    // SeaweedFS knows the key, but not the token of a session: what matters here is that it was sent to it.
    assert!(
        answer == ROW
            || answer.starts_with("error[unauthenticated]")
            || answer.starts_with("error[permission_denied]"),
        "{answer}"
    );
    assert!(request.contains("action=assumerole&"), "{request}");
    assert!(request.contains("rolearn=arn%3aaws%3aiam%3a%3a1%3arole%2freader"), "{request}");
    assert!(request.contains("externalid=e%261"), "{request}");
    assert!(request.contains("credential=akiame/"), "{request}");
    assert!(request.contains("/eu-central-1/sts/aws4_request"), "{request}");

    let (url, asked) = token_service(("200 OK", granted("AssumeRoleWithWebIdentity")));
    profiles.answer(", profile = 'web'", &[("AWS_ENDPOINT_URL_STS", &url)]);
    let request = asked.recv_timeout(PATIENCE).expect("asked");
    assert!(request.contains("Action=AssumeRoleWithWebIdentity&"), "{request}");
    assert!(request.contains("WebIdentityToken=hunter2-of-the-web"), "{request}");
    assert!(!request.to_lowercase().contains("authorization:"), "{request}");

    let denied =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>hunter2</Message></Error></ErrorResponse>";
    let (url, asked) = token_service(("403 Forbidden", denied.to_owned()));
    let answer = profiles.answer(", profile = 'reader'", &[("AWS_ENDPOINT_URL_STS", &url)]);
    assert!(
        answer.contains(
            "error[unauthenticated]: the role \"arn:aws:iam::1:role/reader\" is not given to the AWS profile"
        ),
        "{answer}"
    );
    assert!(answer.contains("answers AccessDenied (status 403)"), "{answer}");
    asked.recv_timeout(PATIENCE).expect("asked");
}
