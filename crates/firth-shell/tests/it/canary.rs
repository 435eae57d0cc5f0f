//! A canary for every secret: whatever is run, none of them is in what the program writes, nor in its
//! home, in any of the usual spellings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::*};
use firth_testkit::servers::Servers;
use futures::TryStreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::{
    place::{Place, stderr},
    scratch::unique,
};

/// A text that stands nowhere by chance: letters and digits, so that no spelling but those below
/// changes it.
pub(crate) fn canary(what: &str) -> String {
    format!("kanarie{}", unique(what).replace('_', "z"))
}

/// The spellings in which a text could be found: as it is, in hexadecimal, in percent escapes, and in
/// base64 wherever in a longer text it stands.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    let mut spellings = vec![
        bytes.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        percent.to_uppercase().into_bytes(),
        percent.into_bytes(),
    ];
    for before in 0..3 {
        let text = [&vec![0; before][..], bytes].concat();
        // Characters that also depend on what stands around the secret are left out.
        let (from, to) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            spellings.push(engine.encode(&text).as_bytes()[from..to].to_vec());
        }
    }
    spellings
}

fn holds(haystack: &[u8], secret: &str) -> bool {
    let holds = |spelling: &[u8]| haystack.windows(spelling.len()).any(|window| window == spelling);
    spellings(secret).iter().any(|spelling| holds(spelling))
}

/// What the program has written: its streams, and every file of its home.
#[derive(Default)]
pub(crate) struct Written(Vec<(String, Vec<u8>)>);

impl Written {
    /// Runs a script in every verbosity that there is.
    fn run(&mut self, place: &Place, variables: &[(&str, &str)], sql: &str) {
        let mut command = place.command(&["-c", sql, "-vv", "--stats", "json", "--continue-on-error"]);
        command.envs(variables.iter().copied()).env("RUST_LOG", "trace");
        let output = command.output().expect("started");
        assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(!stderr(&output).contains("internal error"), "{}", stderr(&output));
        self.0.push((format!("standard output of {sql}"), output.stdout));
        self.0.push((format!("standard error of {sql}"), output.stderr));
    }

    /// Takes every byte of the home, and the names in it.
    pub(crate) fn home(&mut self, place: &Place) {
        let mut folders: Vec<PathBuf> = vec![place.path().join("home")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("listed") {
                let path = entry.expect("listed").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    self.0.push((path.display().to_string(), fs::read(&path).expect("read")));
                }
            }
        }
    }

    pub(crate) fn assert_without(&self, secrets: &[String]) {
        for (place, bytes) in &self.0 {
            for secret in secrets {
                assert!(!holds(bytes, secret), "{secret} is in {place}:\n{}", String::from_utf8_lossy(bytes));
            }
        }
    }
}

/// A secret option of a connection type.
struct Case {
    connection_type: &'static str,
    option: &'static str,
    /// The connection's other options.
    others: &'static str,
    /// The option's value, with the canary in it.
    value: fn(&str) -> String,
}

const NOWHERE: &str = "endpoint = 'http://127.0.0.1:1'";
const POSTGRES: &str = "host = '127.0.0.1', port = 1, database = 'd', user = 'u'";

fn plain(canary: &str) -> String {
    canary.to_owned()
}

const CASES: &[Case] = &[
    Case {
        connection_type: "AWS",
        option: "secret_access_key",
        others: "endpoint = 'http://127.0.0.1:1', access_key_id = 'id'",
        value: plain,
    },
    Case {
        connection_type: "AWS",
        option: "session_token",
        others: "endpoint = 'http://127.0.0.1:1', access_key_id = 'id', secret_access_key = 'key'",
        value: plain,
    },
    Case {
        connection_type: "AZURE",
        option: "account_key",
        others: "endpoint = 'http://127.0.0.1:1/a', account = 'a'",
        value: |canary| BASE64_STANDARD.encode(canary),
    },
    Case {
        connection_type: "AZURE",
        option: "sas_token",
        others: "endpoint = 'http://127.0.0.1:1/a', account = 'a'",
        value: |canary| format!("?sv=2024-11-04&sp=rl&sig={canary}%3D"),
    },
    Case {
        connection_type: "AZURE",
        option: "connection_string",
        others: "description = 'with a key'",
        value: |canary| {
            let key = BASE64_STANDARD.encode(canary);
            format!(
                "DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};BlobEndpoint=http://127.0.0.1:1/a;"
            )
        },
    },
    Case {
        connection_type: "AZURE",
        option: "connection_string",
        others: "description = 'with a signature'",
        value: |canary| {
            format!(
                "BlobEndpoint=http://127.0.0.1:1/a;AccountName=a;SharedAccessSignature=sv=2024-11-04&sig={canary}%3D"
            )
        },
    },
    Case {
        connection_type: "CLOUD_RESOURCE",
        option: "service_account_json",
        others: NOWHERE,
        value: |canary| {
            format!(
                r#"{{"type": "service_account", "client_email": "me@example.com", "private_key_id": "{canary}", "private_key": "-----BEGIN PRIVATE KEY-----\n{canary}\n-----END PRIVATE KEY-----\n"}}"#
            )
        },
    },
    Case { connection_type: "POSTGRES", option: "password", others: POSTGRES, value: plain },
    Case {
        connection_type: "CLOUD_SQL",
        option: "password",
        others: "type = 'POSTGRES', host = '127.0.0.1', port = 1, database = 'd', user = 'u'",
        value: plain,
    },
    Case { connection_type: "ALLOYDB", option: "password", others: POSTGRES, value: plain },
    Case { connection_type: "HTTP", option: "bearer_token", others: NOWHERE, value: plain },
    Case {
        connection_type: "HTTP",
        option: "headers",
        others: NOWHERE,
        value: |canary| format!("X-Api-Key: {canary}"),
    },
    Case {
        connection_type: "HTTP",
        option: "password",
        others: "endpoint = 'http://127.0.0.1:1', user = 'u'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "password",
        others: "scheme = 'webdav', endpoint = 'http://127.0.0.1:1', username = 'u'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "token",
        others: "scheme = 'http', endpoint = 'http://127.0.0.1:1'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "delegation",
        others: "scheme = 'webhdfs', endpoint = 'http://127.0.0.1:1'",
        value: plain,
    },
    Case { connection_type: "OPENDAL", option: "access_token", others: "scheme = 'gdrive'", value: plain },
    Case {
        connection_type: "OPENDAL",
        option: "refresh_token",
        others: "scheme = 'onedrive', client_id = 'i', client_secret = 's'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "client_secret",
        others: "scheme = 'dropbox', client_id = 'i', refresh_token = 'r'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "access_key_secret",
        others: "scheme = 'oss', endpoint = 'http://127.0.0.1:1', bucket = 'b', access_key_id = 'i'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "secret_key",
        others: "scheme = 'cos', endpoint = 'http://127.0.0.1:1', bucket = 'b', secret_id = 'i'",
        value: plain,
    },
    Case {
        connection_type: "OPENDAL",
        option: "security_token",
        others: "scheme = 'cos', endpoint = 'http://127.0.0.1:1', bucket = 'b', secret_id = 'i', secret_key = 's'",
        value: plain,
    },
];

/// Statements about a connection that take a secret or could show one; some of them fail.
fn statements(case: &Case, value: &str) -> String {
    let Case { connection_type, option, others, .. } = case;
    let options = format!("connection_type = '{connection_type}', {others}, {option} = {value}");
    format!(
        "CREATE CONNECTION us.c OPTIONS ({options}, validate = FALSE);
         CREATE CONNECTION us.c OPTIONS ({options});
         CREATE CONNECTION us.unreached OPTIONS ({options});
         ALTER CONNECTION us.c SET OPTIONS ({option} = {value});
         ALTER CONNECTION us.c SET OPTIONS ({option} = {value}, friendly_name = 'c', validate = FALSE);
         CREATE OR REPLACE CONNECTION us.c OPTIONS ({options}, validate = FALSE);
         SHOW CONNECTIONS; SHOW CREATE CONNECTION us.c; DESCRIBE CONNECTION us.c; CHECK CONNECTION us.c;
         SELECT * FROM EXTERNAL_QUERY('us.c', 'SELECT 1');
         EXPLAIN SELECT * FROM EXTERNAL_QUERY('us.c', 'SELECT 1');
         CREATE EXTERNAL SCHEMA far WITH CONNECTION us.c OPTIONS (external_source = 'postgres://d/public');
         SHOW TABLES FROM far; SELECT * FROM far.t; SELECT * FROM far.INFORMATION_SCHEMA.TABLES;
         CREATE EXTERNAL TABLE t (a INT64) WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['s3://b/t.csv']);
         CREATE EXTERNAL TABLE t (a INT64) WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['az://b/t.csv']);
         CREATE EXTERNAL TABLE t (a INT64) WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['gs://b/t.csv']);
         CREATE EXTERNAL TABLE t (a INT64) WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['opendal:///t.csv']);
         CREATE EXTERNAL TABLE t (a INT64) WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['http://127.0.0.1:1/t.csv']);
         EXPORT DATA WITH CONNECTION us.c OPTIONS (format = 'CSV', uri = 'opendal:///t-*.csv') AS SELECT 1 AS a;
         EXPORT DATA WITH CONNECTION us.c OPTIONS (format = 'CSV', uri = 's3://b/t-*.csv') AS SELECT 1 AS a;
         EXPORT DATA WITH CONNECTION us.c OPTIONS (format = 'CSV', uri = 'az://b/t-*.csv') AS SELECT 1 AS a;
         EXPORT DATA WITH CONNECTION us.c OPTIONS (format = 'CSV', uri = 'gs://b/t-*.csv') AS SELECT 1 AS a;
         SHOW TABLES; SHOW SCHEMAS; SELECT * FROM INFORMATION_SCHEMA.TABLES; SHOW AUDIT; SHOW SETTINGS;
         CREATE CONNECTION us.bad OPTIONS ({options}, host = 1);
         CREATE CONNECTION us.bad OPTIONS ({options}, {option} = {value});
         CREATE CONNECTION us.bad OPTIONS ({options}, {option}s = {value});
         CREATE CONNECTION us.bad OPTIONS ({options}, {option} = [{value}]);
         CREATE CONNECTION us.bad OPTIONS ({options} {option} = {value});
         CREATE CONNECTION us.bad OPTIONS ({options}, {option} {value});
         CREATE CONECTION us.bad OPTIONS ({options});
         CREATE CONNECTION us.bad ({option} = {value});
         CREATE CONNECTION us.bad SET OPTIONS ({options}) /* {value} */ -- {value}
         ;
         ALTER CONNECTION us.bad OPTIONS ({option} = {value});
         ALTER CONNECTION us.missing SET OPTIONS ({option} = {value});
         SELECT * FROM t WHERE {option} = {value} FORM;
         DROP CONNECTION us.c;"
    )
}

#[test]
fn the_search_finds_every_spelling() {
    let secret = canary("control");
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{secret}!");
        assert!(holds(text.as_bytes(), &secret));
        assert!(holds(BASE64_STANDARD.encode(&text).as_bytes(), &secret), "{before}");
        assert!(holds(BASE64_URL_SAFE_NO_PAD.encode(&text).as_bytes(), &secret), "{before}");
    }
    assert!(!holds(b"something else", &secret));
}

#[test]
fn every_secret_option_has_a_canary() {
    let place = Place::new();
    for row in place.run("SHOW CONNECTION TYPES").lines().skip(1) {
        let name = row.split(',').next().expect("a type");
        let sql = format!("SHOW OPTIONS FOR CONNECTION TYPE {name}");
        let output = place.output(&["-c", &sql, "--format", "ndjson"]);
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let option: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let planted =
                CASES.iter().any(|case| case.connection_type == name && option["option"] == case.option);
            assert_eq!(option["secret"] == true, planted, "{name}: {line}");
        }
    }
}

#[test]
fn no_secret_of_a_connection_is_written() {
    for case in CASES {
        for form in ["literal", "environment", "file"] {
            let place = Place::new();
            let secret = canary(form);
            let text = (case.value)(&secret);
            place.file("secret", &text);
            let value = match form {
                "literal" => format!("'{}'", text.replace('\\', "\\\\")),
                "environment" => "ENV('CANARY')".to_owned(),
                _ => format!("FILE('{}')", place.path().join("secret").display()),
            };
            let mut written = Written::default();
            // Services with an endpoint of their own are not reached either.
            let variables = [("CANARY", text.as_str()), ("HTTPS_PROXY", "http://127.0.0.1:1")];
            written.run(&place, &variables, &statements(case, &value));
            written.home(&place);
            let stored = written.0.iter().any(|(_, bytes)| holds(bytes, "CREATE_CONNECTION"));
            assert!(stored, "{}: the audit has the statement", case.connection_type);
            written.assert_without(&[secret]);
        }
    }
}

/// With a signature that is good: reads, writes and listings carry it in their urls.
#[tokio::test]
async fn no_signature_that_is_used_is_written() {
    let Some(server) = Servers::from_env().require_azure("no_signature_that_is_used_is_written") else {
        return;
    };
    let place = Place::new();
    let folder = crate::scratch::unique("signed");
    let token = server.account_signature("rwdlac", "2099-01-01T00:00:00Z");
    let (_, signature) = token.split_once("sig=").expect("signed");
    let decoded = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let uri = format!("azure://{}.blob.core.windows.net/{}/{folder}", server.account, server.container);
    let mut written = Written::default();
    written.run(
        &place,
        &[("TOKEN", &token)],
        &format!(
            "CREATE CONNECTION us.signed OPTIONS (connection_type = 'AZURE', endpoint = '{}', account = '{}', sas_token = ENV('TOKEN'));
             EXPORT DATA WITH CONNECTION us.signed OPTIONS (format = 'PARQUET', uri = '{uri}/t-*.parquet') AS SELECT 7 AS a;
             CREATE SCHEMA s;
             CREATE EXTERNAL TABLE s.t WITH CONNECTION us.signed OPTIONS (format = 'PARQUET', uris = ['{uri}/*.parquet']);
             CREATE EXTERNAL TABLE s.objects WITH CONNECTION us.signed
               OPTIONS (object_metadata = 'SIMPLE', uris = ['{uri}/*']);
             SET cache_disk = '1G';
             SELECT a * 6 AS answer, _FILE_NAME AS name FROM s.t WHERE a > 3;
             EXPLAIN ANALYZE SELECT a FROM s.t WHERE a > 3;
             SELECT * FROM s.objects;
             DESCRIBE s.t; SHOW CACHES; SHOW CREATE TABLE s.t; CHECK CONNECTION us.signed;
             SELECT * FROM READ('{uri}/absent.parquet', connection => 'us.signed')",
            server.endpoint, server.account
        ),
    );
    let shown = String::from_utf8_lossy(&written.0[0].1).into_owned();
    assert!(shown.contains("42"), "{shown}\n{}", String::from_utf8_lossy(&written.0[1].1));
    written.home(&place);
    let store = server.store().expect("a store");
    let listed: Vec<_> = store.list(Some(&folder.as_str().into())).try_collect().await.expect("listed");
    assert!(listed.len() > 1, "the file and the manifest: {listed:?}");
    for object in listed {
        let bytes = store.get(&object.location).await.expect("read").bytes().await.expect("whole");
        written.0.push((object.location.to_string(), bytes.to_vec()));
    }
    written.assert_without(&[signature.to_owned(), decoded]);
}

#[test]
fn no_secret_in_a_text_that_does_not_parse_is_written() {
    let place = Place::new();
    let secret = canary("unparsed");
    let mut written = Written::default();
    for text in [
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = 'SECRET",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = '''SECRET",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = 'it's SECRET')",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = SECRET)",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = SECRET-x)",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = x-SECRET)",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = `SECRET`)",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = b'SECRET')",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = @SECRET)",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = 'SECRET\\q')",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = '''\nSECRET\n''' x)",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = 'h, password = 'SECRET')",
        "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = 'postgres://me:SECRET@h/d')",
        "CREATE CONNECTION c OPTIONS (connection_type = 'AWS', endpoint = 'https://me:SECRET@h')",
        "CREATE CONNECTION c OPTIONS (connection_type = 'AZURE', endpoint = 'https://h/?sig=SECRET')",
        "CREATE CONNECTION c OPTIONS (password = 'SECRET';'); SELECT 1",
        "CREATE CONNECTION c CONNECTION_TYPE = 'POSTGRES' PASSWORD = 'SECRET'",
        "CREATE CONNECTION c WITH PASSWORD 'SECRET'",
        "ALTER CONNECTION c SET PASSWORD 'SECRET'",
        "ALTER CONNECTION c SET OPTIONS (passwort = 'SECRET')",
        "CREAT CONNECTION c OPTIONS (pass = 'SECRET')",
        "CREATE TABLE c OPTIONS (password = 'SECRET')",
    ] {
        written.run(&place, &[], &text.replace("SECRET", &secret));
    }
    // Nothing of this is worth a catalog.
    fs::create_dir_all(place.path().join("home")).expect("made");
    written.home(&place);
    written.assert_without(&[secret]);
}

#[test]
fn no_passphrase_is_written() {
    let place = Place::new();
    let (passphrase, wrong, password) = (canary("passphrase"), canary("wrong"), canary("password"));
    let create = |name: &str| {
        format!(
            "CREATE CONNECTION us.{name} OPTIONS (connection_type = 'POSTGRES', {POSTGRES}, password = '{password}', validate = FALSE)"
        )
    };
    let mut written = Written::default();
    for (passphrase, name) in [(&passphrase, "a"), (&wrong, "b"), (&passphrase, "c")] {
        let sql =
            format!("{}; SHOW CREATE CONNECTION us.a; CHECK CONNECTION us.a; SHOW CONNECTIONS", create(name));
        written.run(&place, &[("FIRTH_PASSPHRASE", passphrase)], &sql);
    }
    written.run(&place, &[], &format!("{}; CHECK CONNECTION us.a", create("d")));
    written.home(&place);
    let connections = place.run("SHOW CONNECTIONS");
    assert!(connections.contains("us.a,") && connections.contains("us.c,"), "{connections}");
    assert!(!connections.contains("us.b,") && !connections.contains("us.d,"), "{connections}");
    written.assert_without(&[passphrase, wrong, password]);
}

#[test]
fn no_secret_that_a_server_refuses_is_written() {
    let test = "no_secret_that_a_server_refuses_is_written";
    let Some(_) = Servers::from_env().require_postgres(test) else { return };
    let Some(_) = Servers::from_env().require_s3(test) else { return };
    let Some(_) = Servers::from_env().require_azure(test) else { return };
    let place = Place::new();
    let secret = canary("refused");
    let key = BASE64_STANDARD.encode(&secret);
    let connections = [
        format!(
            "connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
             database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'), password = '{secret}',
             sslrootcert = ENV('FIRTH_TEST_PG_CA')"
        ),
        format!(
            "connection_type = 'AWS', endpoint = ENV('FIRTH_TEST_S3_ENDPOINT'), region = ENV('FIRTH_TEST_S3_REGION'),
             access_key_id = ENV('FIRTH_TEST_S3_ACCESS_KEY_ID'), secret_access_key = '{secret}'"
        ),
        format!(
            "connection_type = 'AWS', endpoint = ENV('FIRTH_TEST_S3_ENDPOINT'), region = ENV('FIRTH_TEST_S3_REGION'),
             access_key_id = 'me', secret_access_key = 'x', session_token = '{secret}'"
        ),
        format!(
            "connection_type = 'AZURE', endpoint = ENV('FIRTH_TEST_AZURE_ENDPOINT'),
             account = ENV('FIRTH_TEST_AZURE_ACCOUNT'), account_key = '{key}'"
        ),
        format!(
            "connection_type = 'AZURE', endpoint = ENV('FIRTH_TEST_AZURE_ENDPOINT'),
             account = ENV('FIRTH_TEST_AZURE_ACCOUNT'), sas_token = 'sv=2024-11-04&sp=rl&sig={secret}'"
        ),
    ];
    let mut written = Written::default();
    for options in connections {
        let sql = format!(
            "CREATE CONNECTION us.c OPTIONS ({options});
             CREATE OR REPLACE CONNECTION us.c OPTIONS ({options}, validate = FALSE);
             CHECK CONNECTION us.c; DESCRIBE CONNECTION us.c; SHOW CREATE CONNECTION us.c;
             SELECT * FROM EXTERNAL_QUERY('us.c', 'SELECT 1');
             CREATE EXTERNAL TABLE t WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['s3://lake/x/*.csv']);
             CREATE EXTERNAL TABLE t WITH CONNECTION us.c OPTIONS (format = 'CSV', uris = ['az://lake/x/*.csv']);
             EXPORT DATA WITH CONNECTION us.c OPTIONS (format = 'CSV', uri = 's3://lake/canary/t-*.csv') AS SELECT 1 AS a;
             EXPORT DATA WITH CONNECTION us.c OPTIONS (format = 'CSV', uri = 'az://lake/canary/t-*.csv') AS SELECT 1 AS a;"
        );
        written.run(&place, &[], &sql);
    }
    written.home(&place);
    written.assert_without(&[secret]);
}

/// The statements of the suites, through the program, with the servers' own secrets as canaries.
#[test]
fn no_secret_of_the_servers_is_written_by_the_suites() {
    let servers = Servers::from_env();
    let test = "no_secret_of_the_servers_is_written_by_the_suites";
    let Some(postgres) = servers.clone().require_postgres(test) else { return };
    let Some(s3) = servers.clone().require_s3(test) else { return };
    let Some(azure) = servers.require_azure(test) else { return };
    let secrets =
        [postgres.password, s3.secret_access_key, s3.read_only_secret_access_key, azure.account_key];
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata"));
    let mut written = Written::default();
    for file in suites(&folder.join("slt")) {
        let place = Place::new();
        let text = fs::read_to_string(&file).expect("read");
        written.run(&place, &[], &with_variables(&statements_of(&text), folder, &place));
        if place.path().join("home").exists() {
            written.home(&place);
        }
    }
    assert!(!written.0.is_empty(), "there are suites");
    written.assert_without(&secrets);
}

fn suites(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            files.extend(suites(&path));
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
    files
}

/// The SQL of a suite's file: what stands between a record's first line and its results.
fn statements_of(text: &str) -> String {
    let mut sql = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("statement ") || line.starts_with("query ") {
            inside = true;
        } else if inside && (line.is_empty() || line == "----") {
            inside = false;
            sql.push_str(";\n");
        } else if inside {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    sql
}

/// The text with the suites' variables; the servers' are those of the environment.
fn with_variables(text: &str, folder: &Path, place: &Place) -> String {
    let mut text = text
        .replace("${FILES}", &folder.join("files").display().to_string())
        .replace("${WORK}", &place.path().display().to_string());
    for (name, value) in std::env::vars() {
        if let Some(name) = name.strip_prefix("FIRTH_TEST_") {
            text = text.replace(&format!("${{{name}}}"), &value);
        }
    }
    let word = unique("canary");
    ["PREFIX", "UNIQUE", "SCHEMA"]
        .iter()
        .fold(text, |text, name| text.replace(&format!("${{{name}}}"), &word))
}
