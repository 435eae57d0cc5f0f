//! The servers that examples of the pages talk to: a page names hosts, buckets and keys of a reader, and here they
//! become those of the test run.

use std::collections::BTreeMap;

use firth_testkit::servers::Servers;

use crate::{
    place::Place,
    scratch::{Schema, unique},
};

/// What lies in the reader's database.
const DATABASE: &str = "
    CREATE TABLE customers (id bigint PRIMARY KEY, name text COLLATE \"C\" NOT NULL, country char(2), balance numeric(12, 2));
    INSERT INTO customers VALUES (1, 'Anna', 'NL', 12.50), (2, 'Ben', 'DE', -3), (3, 'Chloé', 'FR', NULL);
    ANALYZE customers;
";

/// A server, and how a page's texts are put for it.
pub(crate) struct ExampleServer {
    /// What the page says, and what is said instead.
    words: Vec<(String, String)>,
    variables: BTreeMap<&'static str, String>,
    /// Lives as long as the page is run.
    schema: Option<Schema>,
}

impl ExampleServer {
    /// The server of a name, with what the page expects there. `None`: it is not there, and need not be.
    pub(crate) fn of(name: &str, test: &str, place: &Place) -> Option<Self> {
        let servers = Servers::from_env();
        let folder = unique("example");
        match name {
            "postgres" => {
                let server = servers.require_postgres(test)?;
                let schema = Schema::create(&server, &unique("guide"), DATABASE, place.path());
                let database = format!("postgres://{}/{}", server.database, schema.name);
                let words = [
                    ("postgres://shop/public", database),
                    ("public.customers", format!("{}.customers", schema.name)),
                ];
                let variables = [
                    ("SHOP_HOST", server.host),
                    ("SHOP_PORT", server.port.to_string()),
                    ("SHOP_DATABASE", server.database),
                    ("SHOP_USER", server.user),
                    ("SHOP_PASSWORD", server.password),
                    ("SHOP_CA", server.ca),
                ];
                Some(ExampleServer { schema: Some(schema), ..ExampleServer::new(words, variables) })
            }
            "s3" => {
                let server = servers.require_s3(test)?;
                let region = format!(
                    "region = '{}', endpoint = '{}', path_style = TRUE",
                    server.region, server.endpoint
                );
                let words = [
                    ("region = 'eu-central-1'", region),
                    ("s3://lake/", format!("s3://{}/{folder}/", server.bucket)),
                ];
                let variables = [
                    ("AWS_ACCESS_KEY_ID", server.access_key_id),
                    ("AWS_SECRET_ACCESS_KEY", server.secret_access_key),
                ];
                Some(ExampleServer::new(words, variables))
            }
            "azure" => {
                let server = servers.require_azure(test)?;
                let account = format!("account = '{}', endpoint = '{}'", server.account, server.endpoint);
                let words = [
                    ("account = 'myaccount'", account),
                    ("az://lake/", format!("az://{}/{folder}/", server.container)),
                ];
                Some(ExampleServer::new(words, [("AZURE_KEY", server.account_key)]))
            }
            "gcs" => {
                let server = servers.require_gcs(test)?;
                // The emulator looks at no credential.
                let open = format!("endpoint = '{}', anonymous = TRUE", server.endpoint);
                let words = [
                    ("service_account_json = FILE('key.json')", open),
                    ("gs://lake/", format!("gs://{}/{folder}/", server.bucket)),
                ];
                Some(ExampleServer::new(words, []))
            }
            "webdav" => {
                let server = servers.require_webdav(test)?;
                let export = format!(
                    "CREATE CONNECTION us.dav OPTIONS (connection_type = 'OPENDAL', scheme = 'webdav', endpoint = '{}',
                       username = '{}', password = '{}', root = '/{folder}');
                     EXPORT DATA WITH CONNECTION us.dav OPTIONS (uri = 'opendal:///orders-*.parquet', format = 'PARQUET')
                     AS SELECT 1 AS id UNION ALL SELECT 2",
                    server.endpoint, server.user, server.password
                );
                place.run(&export);
                let words = [
                    ("https://data.example.com/private", format!("{}/{folder}", server.endpoint)),
                    ("user = 'reader'", format!("user = '{}'", server.user)),
                ];
                Some(ExampleServer::new(words, [("SITE_PASSWORD", server.password)]))
            }
            "sftp" => {
                let server = servers.require_sftp(test)?;
                let words = [
                    ("ssh://files.example.com", server.endpoint),
                    ("user = 'reader'", format!("user = '{}'", server.user)),
                    ("/etc/firth/id_ed25519", server.key),
                    ("/srv/archive", format!("{}/{folder}", server.root)),
                ];
                let path = std::env::var("PATH").unwrap_or_default();
                Some(ExampleServer::new(words, [("PATH", format!("{}:{path}", server.path))]))
            }
            other => panic!("{test} needs {other}, which is no server"),
        }
    }

    fn new<const W: usize, const V: usize>(
        words: [(&str, String); W],
        variables: [(&'static str, String); V],
    ) -> Self {
        let words = words.into_iter().map(|(page, here)| (page.to_owned(), here)).collect();
        ExampleServer { words, variables: variables.into_iter().collect(), schema: None }
    }

    /// An example as it is run.
    pub(crate) fn replaced(&self, sql: &str) -> String {
        self.words.iter().fold(sql.to_owned(), |sql, (page, here)| sql.replace(page, here))
    }

    /// What is in the environment of its process.
    pub(crate) fn variables(&self) -> &BTreeMap<&'static str, String> {
        &self.variables
    }

    /// An answer as the page shows it.
    pub(crate) fn shown(&self, answer: &str) -> String {
        match &self.schema {
            Some(schema) => answer.replace(&schema.name, "public"),
            None => answer.to_owned(),
        }
    }
}
