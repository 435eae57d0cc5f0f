//! Clouds' connections against real servers and official emulators.

use std::sync::Arc;

use bytes::Bytes;
use firth_connector::{GivenOption, GivenValue, Options, PartPlace, Remote, RemoteId, Staging, object_error};
use firth_diagnostic::{Code, Result, Secret, Span, Spanned};
use firth_testkit::servers::{Azure, Gcs, S3, Servers};
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion, path::Path};
use uuid::Uuid;

/// An option's name and value; `TRUE` is a BOOL.
type Given<'a> = (&'a str, &'a str);

fn open(kind: &str, given: &[Given<'_>]) -> Result<Arc<dyn Remote>> {
    let connectors = firth_connectors::all();
    let (connector, connection_type) = connectors.find(kind, |_| None)?;
    let given: Vec<GivenOption> = given
        .iter()
        .map(|(name, value)| GivenOption {
            name: Spanned::new((*name).to_owned(), Span::default()),
            value: Spanned::new(
                match *value {
                    "TRUE" => GivenValue::Bool(true),
                    text => GivenValue::Text(Secret::new(text)),
                },
                Span::default(),
            ),
        })
        .collect();
    let options = Options::validate(kind, connection_type.options, &given, Span::default())?;
    let id = RemoteId { uuid: Uuid::new_v4(), name: "us.c".to_owned(), kind: kind.to_owned() };
    connector.open(id, connection_type, options)
}

fn s3(server: &S3) -> [Given<'_>; 4] {
    [
        ("endpoint", &server.endpoint),
        ("region", &server.region),
        ("access_key_id", &server.access_key_id),
        ("secret_access_key", &server.secret_access_key),
    ]
}

fn azure(server: &Azure) -> [Given<'_>; 3] {
    [("endpoint", &server.endpoint), ("account", &server.account), ("account_key", &server.account_key)]
}

fn gcs(server: &Gcs) -> [Given<'_>; 2] {
    [("endpoint", &server.endpoint), ("anonymous", "TRUE")]
}

/// Writes, reads, lists and deletes below a folder of its own.
async fn round_trip(remote: Arc<dyn Remote>, bucket_uri: &str) {
    let report = remote.check().await.expect("the server accepts the credential");
    assert_eq!((report.tls.as_str(), report.warnings.len()), ("none", 0), "{report:?}");

    let objects = remote.objects().expect("it has files");
    let folder = Uuid::new_v4().simple().to_string();
    for name in ["plain.csv", "a b.csv", "100%.csv", "%41.csv", "é=1&b+c.csv"] {
        let uri = format!("{bucket_uri}/{folder}/{name}");
        let at = objects.locate(&uri).expect("valid");
        let store = objects.store(&at.bucket).expect("a store");
        let path = Path::parse(&at.key).expect("a path");
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, name.to_owned().into(), create.clone()).await.expect("written");
        let again = store.put_opts(&path, "x".into(), create).await.expect_err("it is there already");
        assert_eq!(object_error(again, &uri).code(), Code::Conflict);
        let read = store.get(&path).await.expect("read").bytes().await.expect("read to its end");
        assert_eq!(read, name);
        let listed = store.list_with_delimiter(Some(&Path::from(folder.as_str()))).await.expect("listed");
        let listed: Vec<String> =
            listed.objects.iter().map(|meta| objects.uri(&at.bucket, &meta.location)).collect();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(objects.locate(&listed[0]).expect("valid"), at, "a listed uri reads back");
        stale_reads_show(&*store, &path, &uri).await;
        let staging = objects.staging(&at.bucket).expect("built").expect("it can");
        staged_upload(&*staging, &*store, &path).await;
        conditional_puts(&*staging, &*store, &path).await;
        store.delete(&path).await.expect("deleted");
        let absent = store.get(&path).await.expect_err("it is gone");
        assert_eq!(object_error(absent, &uri).code(), Code::NotFound);
    }
    let at = objects.locate(&format!("{bucket_uri}-absent/k")).expect("valid");
    let absent =
        objects.store(&at.bucket).expect("a store").get(&Path::from("k")).await.expect_err("no bucket");
    assert_eq!(object_error(absent, "uri").code(), Code::NotFound);
}

/// A read of an object that was overwritten fails, or tells by its ETag: the GCS emulator does not look
/// at `If-Match`.
async fn stale_reads_show(store: &dyn ObjectStore, path: &Path, uri: &str) {
    let before = store.head(path).await.expect("it is there").e_tag;
    store.put(path, "something else".into()).await.expect("overwritten");
    let stale = GetOptions { if_match: before.clone(), ..GetOptions::default() };
    match store.get_opts(path, stale).await {
        Ok(read) => assert_ne!(read.meta.e_tag, before),
        Err(error) => assert_eq!(object_error(error, uri).code(), Code::Conflict),
    }
}

/// An upload is invisible until it is completed, and is completed once.
async fn staged_upload(staging: &dyn Staging, store: &dyn ObjectStore, path: &Path) {
    let upload = staging.begin(path).await.expect("begun");
    staging.prepare(path, &upload).await.expect("made");
    let lost = staging.begin(path).await.expect("begun");
    staging.prepare(path, &lost).await.expect("made");
    let place = PartPlace { index: 0, offset: 0 };
    let send =
        |upload: &str, byte| staging.put_part(path, upload, place, Bytes::from(vec![byte; 5 << 20]).into());
    let part = send(&upload, b'x').await.expect("uploaded");
    let other = send(&lost, b'y').await.expect("uploaded");
    staging.make_durable(path, &upload).await.expect("kept");
    assert_eq!(store.head(path).await.expect("the old one").size, "something else".len() as u64);
    staging.complete(path, &upload, std::slice::from_ref(&part)).await.expect("completed");
    let read = store.get(path).await.expect("the new one").bytes().await.expect("read");
    assert!(
        read.len() == 5 << 20 && read.iter().all(|byte| *byte == b'x'),
        "the other upload's bytes are its own"
    );
    // SeaweedFS takes it a second time, and leaves the object as it is; others refuse.
    let _ = staging.complete(path, &upload, &[part]).await;
    assert_eq!(store.head(path).await.expect("the new one").size, 5 << 20);
    // Azure drops the blocks of the one that lost; elsewhere it is still there to be forgotten.
    let _ = staging.abort(path, &lost).await;
    let _ = other;
}

/// A put that expects something else than what is there changes nothing.
async fn conditional_puts(staging: &dyn Staging, store: &dyn ObjectStore, path: &Path) {
    let there = staging.put_if(path, "new".into(), None).await.expect_err("it is there");
    assert!(matches!(there, object_store::Error::AlreadyExists { .. }), "{there}");
    let version = |meta: object_store::ObjectMeta| UpdateVersion { e_tag: meta.e_tag, version: meta.version };
    let before = version(store.get(path).await.expect("there").meta);
    staging.put_if(path, "second".into(), Some(&before)).await.expect("it is the one");
    let late = staging.put_if(path, "third".into(), Some(&before)).await.expect_err("it is not");
    assert!(matches!(late, object_store::Error::Precondition { .. }), "{late}");
    let read = store.get(path).await.expect("there").bytes().await.expect("read");
    assert_eq!(&read[..], b"second");
}

#[tokio::test]
async fn s3_round_trip() {
    let Some(server) = Servers::from_env().require_s3("s3_round_trip") else { return };
    let remote = open("AWS", &s3(&server)).expect("opened");
    round_trip(remote, &format!("s3://{}", server.bucket)).await;
}

#[tokio::test]
async fn azure_round_trip() {
    let Some(server) = Servers::from_env().require_azure("azure_round_trip") else { return };
    let remote = open("AZURE", &azure(&server)).expect("opened");
    round_trip(remote, &format!("azure://{}.blob.core.windows.net/{}", server.account, server.container))
        .await;
    let text = format!(
        "BlobEndpoint={};AccountName={};AccountKey={}",
        server.endpoint, server.account, server.account_key
    );
    open("AZURE", &[("connection_string", &text)]).expect("opened").check().await.expect("accepted");
}

#[tokio::test]
async fn azure_is_read_and_written_by_signatures() {
    let Some(server) = Servers::from_env().require_azure("azure_is_read_and_written_by_signatures") else {
        return;
    };
    let [endpoint, account, _] = azure(&server);
    let open = |token: &str| open("AZURE", &[endpoint, account, ("sas_token", token)]);
    let bucket = format!("azure://{}.blob.core.windows.net/{}", server.account, server.container);
    let later = "2099-01-01T00:00:00Z";
    let remote = open(&server.account_signature("rwdlac", later)).expect("opened");
    let report = remote.check().await.expect("the server accepts the signature");
    assert_eq!(
        (report.identity.contains("shared access signature"), report.warnings.len()),
        (true, 0),
        "{report:?}"
    );
    let store = remote.objects().expect("it has files").store(&server.container).expect("a store");
    let path = Path::from(format!("{}/é=1&b+c.csv", Uuid::new_v4().simple()));
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    store.put_opts(&path, "x".into(), create).await.expect("written");
    stale_reads_show(&*store, &path, &bucket).await;
    // Azurite 3.35 answers a batch of deletions that is signed so with status 500: nothing is deleted here.
    let failed = store.delete(&path).await.expect_err("FIXME: Azurite");
    assert!(!object_error(failed, &bucket).render(None, false).contains("sig="));

    // One container's: nothing is known of it before it is asked for something there.
    let remote = open(&server.container_signature(&server.container, "rwdlac", later)).expect("opened");
    let report = remote.check().await.expect("reached");
    assert!(report.warnings[0].contains("for one container only"), "{report:?}");
    let store = remote.objects().expect("it has files").store(&server.container).expect("a store");
    let path = Path::from(format!("{}/a b.csv", Uuid::new_v4().simple()));
    store.put(&path, "1".into()).await.expect("written");

    // What a signature does not allow is denied; so is another container.
    let reader = open(&server.container_signature(&server.container, "rl", later)).expect("opened");
    let objects = reader.objects().expect("it has files");
    let store = objects.store(&server.container).expect("a store");
    assert_eq!(store.get(&path).await.expect("read").bytes().await.expect("whole"), "1");
    let listed = store.list_with_delimiter(None).await;
    assert!(!listed.expect("listed").common_prefixes.is_empty());
    let denied = store.put(&path, "2".into()).await.expect_err("it may only read");
    assert_eq!(object_error(denied, &bucket).code(), Code::PermissionDenied);
    let elsewhere =
        objects.store("elsewhere").expect("a store").get(&path).await.expect_err("not its container");
    let code = object_error(elsewhere, &bucket).code();
    assert!(matches!(code, Code::PermissionDenied | Code::Unauthenticated), "{code:?}");

    // One that has ended, and one with another signature.
    let ended = open(&server.account_signature("rl", "2020-01-01T00:00:00Z")).expect("opened");
    let error = ended.check().await.expect_err("refused");
    assert_eq!(error.message(), "the connection's shared access signature expired at 2020-01-01T00:00:00Z");
    assert!(!error.render(None, false).contains("sig="), "{error}");
    let forged = server.account_signature("rl", later).replace("sp=rl", "sp=rwl");
    assert_eq!(
        open(&forged).expect("opened").check().await.expect_err("refused").code(),
        Code::Unauthenticated
    );
}

#[tokio::test]
async fn gcs_round_trip() {
    let Some(server) = Servers::from_env().require_gcs("gcs_round_trip") else { return };
    let remote = open("CLOUD_RESOURCE", &gcs(&server)).expect("opened");
    round_trip(remote, &format!("gs://{}", server.bucket)).await;
}

/// The failure of a check, and that it holds no secret.
async fn refused(kind: &str, given: &[Given<'_>], secret: &str) -> Code {
    let error = open(kind, given).expect("opened").check().await.expect_err("refused");
    let shown = error.render(None, false);
    assert!(!shown.contains(secret), "{shown}");
    error.code()
}

#[tokio::test]
async fn wrong_credentials_are_told_from_missing_rights() {
    if let Some(server) = Servers::from_env().require_s3("wrong_credentials_are_told_from_missing_rights") {
        let [endpoint, region, id, _] = s3(&server);
        let wrong_secret = [endpoint, region, id, ("secret_access_key", "hunter2")];
        assert_eq!(refused("AWS", &wrong_secret, "hunter2").await, Code::Unauthenticated);
        let unknown = [endpoint, region, ("access_key_id", "AKIANOBODY"), ("secret_access_key", "hunter2")];
        assert_eq!(refused("AWS", &unknown, "hunter2").await, Code::Unauthenticated);

        let reader = [
            endpoint,
            region,
            ("access_key_id", &server.read_only_access_key_id),
            ("secret_access_key", &server.read_only_secret_access_key),
        ];
        let remote = open("AWS", &reader).expect("opened");
        let uri = format!("s3://{}/not-mine", server.bucket);
        let store = remote.objects().expect("it has files").store(&server.bucket).expect("a store");
        let error = store.put(&Path::from("not-mine"), "x".into()).await.expect_err("it may only read");
        assert_eq!(object_error(error, &uri).code(), Code::PermissionDenied);
    }
    if let Some(server) = Servers::from_env().require_azure("wrong_credentials_are_told_from_missing_rights")
    {
        let [endpoint, account, _] = azure(&server);
        let wrong = [endpoint, account, ("account_key", "aHVudGVyMg==")];
        assert_eq!(refused("AZURE", &wrong, "aHVudGVyMg").await, Code::Unauthenticated);
    }
}
