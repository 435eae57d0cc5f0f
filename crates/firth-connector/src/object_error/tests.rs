//! Texts as S3, Azure and GCS send them, inside the texts that the client puts around them.

use std::{fmt, io};

use insta::assert_snapshot;

use super::*;

/// Stands for the client's error of a request: only its text is read.
#[derive(Debug)]
struct Request(String);

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Request {}

fn shown(diagnostic: &Diagnostic) -> String {
    format!(
        "{}: {} | {}",
        diagnostic.code().word(),
        diagnostic.message(),
        diagnostic.detail_text().unwrap_or("-")
    )
}

/// The message for an answer, classified by status as the client does.
fn answered(uri: &str, status: &str, body: &str) -> String {
    let url = "https://lake.s3.eu-central-1.amazonaws.com/k?X-Amz-Signature=c0ffee&sig=c0ffee";
    let text = format!(
        "Error performing GET {url} in 12.3ms - Server returned non-2xx status code: {status}: {body}"
    );
    let source = Box::new(Request(text));
    let path = "k".to_owned();
    let error = match &status[..3] {
        "404" => Error::NotFound { path, source },
        "409" => Error::AlreadyExists { path, source },
        "412" => Error::Precondition { path, source },
        "403" => Error::PermissionDenied { path, source },
        "401" => Error::Unauthenticated { path, source },
        _ => Error::Generic { store: "S3", source },
    };
    let diagnostic = object_error(error, uri);
    let whole = diagnostic.render(None, false);
    assert!(!whole.contains("c0ffee"), "{whole}");
    shown(&diagnostic)
}

fn s3(status: &str, code: &str, message: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>c0ffee</StringToSign><RequestId>1</RequestId></Error>"
    );
    answered("s3://lake/k", status, &body)
}

#[test]
fn s3_answers() {
    assert_snapshot!(
        s3("404 Not Found", "NoSuchKey", "The specified key does not exist."),
        @r#"not_found: object "s3://lake/k" does not exist | the server answers NoSuchKey: "The specified key does not exist.""#
    );
    assert_snapshot!(
        s3("404 Not Found", "NoSuchBucket", "The specified bucket does not exist"),
        @r#"not_found: the bucket of "s3://lake/k" does not exist | the server answers NoSuchBucket: "The specified bucket does not exist""#
    );
    assert_snapshot!(
        s3("403 Forbidden", "AccessDenied", "Access Denied."),
        @r#"permission_denied: access to "s3://lake/k" is denied | the server answers AccessDenied: "Access Denied.""#
    );
    assert_snapshot!(
        s3("403 Forbidden", "SignatureDoesNotMatch", "The request signature we calculated does not match."),
        @r#"unauthenticated: the store of "s3://lake/k" does not accept the connection's credential | the server answers SignatureDoesNotMatch: "The request signature we calculated does not match.""#
    );
    assert_snapshot!(
        s3("403 Forbidden", "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
        @r#"unauthenticated: the store of "s3://lake/k" does not accept the connection's credential | the server answers InvalidAccessKeyId: "The AWS Access Key Id you provided does not exist in our records.""#
    );
    assert_snapshot!(
        s3("400 Bad Request", "AuthorizationHeaderMalformed", "the region &apos;us-east-1&apos; is wrong; expecting &apos;eu-west-1&apos;"),
        @r#"invalid: the bucket of "s3://lake/k" is in another region than the connection | the server answers AuthorizationHeaderMalformed: "the region 'us-east-1' is wrong; expecting 'eu-west-1'""#
    );
    assert_snapshot!(
        s3("412 Precondition Failed", "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
        @r#"conflict: object "s3://lake/k" was changed by another writer | the server answers PreconditionFailed: "At least one of the pre-conditions you specified did not hold""#
    );
    assert_snapshot!(
        s3("503 Service Unavailable", "SlowDown", "Please reduce your request rate."),
        @r#"remote: the store of "s3://lake/k" is overloaded | the server answers SlowDown: "Please reduce your request rate.""#
    );
    assert_snapshot!(
        answered("s3://lake/k", "404 Not Found", ""),
        @r#"not_found: object "s3://lake/k" does not exist | the server answered with status 404"#
    );
}

#[test]
fn azure_answers() {
    let azure = |status: &str, code: &str, message: &str| {
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}\n\
             RequestId:1\nTime:2026-01-02T03:04:05Z</Message><AuthenticationErrorDetail>Signature did not match. \
             String to sign used was c0ffee</AuthenticationErrorDetail></Error>"
        );
        answered("az://lake/k", status, &body)
    };
    assert_snapshot!(
        azure("404 The specified container does not exist.", "ContainerNotFound", "The specified container does not exist."),
        @r#"not_found: the bucket of "az://lake/k" does not exist | the server answers ContainerNotFound: "The specified container does not exist.""#
    );
    assert_snapshot!(
        azure("403 Forbidden", "AuthenticationFailed", "Server failed to authenticate the request."),
        @r#"unauthenticated: the store of "az://lake/k" does not accept the connection's credential | the server answers AuthenticationFailed: "Server failed to authenticate the request.""#
    );
    assert_snapshot!(
        azure("403 Forbidden", "AuthorizationFailure", "Server failed to authenticate the request."),
        @r#"unauthenticated: the store of "az://lake/k" does not accept the connection's credential | the server answers AuthorizationFailure: "Server failed to authenticate the request.""#
    );
    assert_snapshot!(
        azure("403 Forbidden", "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation."),
        @r#"permission_denied: access to "az://lake/k" is denied | the server answers AuthorizationPermissionMismatch: "This request is not authorized to perform this operation.""#
    );
    assert_snapshot!(
        azure("409 Conflict", "BlobAlreadyExists", "The specified blob already exists."),
        @r#"conflict: object "az://lake/k" exists already | the server answers BlobAlreadyExists: "The specified blob already exists.""#
    );
    assert_snapshot!(
        azure("409 Conflict", "PublicAccessNotPermitted", "Public access is not permitted on this storage account."),
        @r#"permission_denied: access to "az://lake/k" is denied | the server answers PublicAccessNotPermitted: "Public access is not permitted on this storage account.""#
    );
}

#[test]
fn google_answers() {
    assert_snapshot!(
        answered("gs://lake/k", "404 Not Found", r#"{"error":{"code":404,"message":"The specified bucket does not exist.","errors":[]}}"#),
        @r#"not_found: the bucket of "gs://lake/k" does not exist | the server answers: "The specified bucket does not exist." (status 404)"#
    );
    assert_snapshot!(
        answered("gs://lake/k", "401 Unauthorized", r#"{"error":{"code":401,"message":"Invalid Credentials","status":"UNAUTHENTICATED"}}"#),
        @r#"unauthenticated: the store of "gs://lake/k" does not accept the connection's credential | the server answers UNAUTHENTICATED: "Invalid Credentials""#
    );
    assert_snapshot!(
        answered("gs://lake/k", "403 Forbidden", "me@x.iam does not have storage.objects.get access, see https://h/p?sig=c0ffee now"),
        @r#"permission_denied: access to "gs://lake/k" is denied | the server answers: "me@x.iam does not have storage.objects.get access, see https://h/p now" (status 403)"#
    );
    assert_snapshot!(
        answered("gs://lake/k", "404 Not Found", "<!doctype html><html>c0ffee</html>"),
        @r#"not_found: object "gs://lake/k" does not exist | the server answered with status 404"#
    );
}

#[test]
fn no_answer() {
    let failed = |url: &str, error: HttpError| {
        #[derive(Debug)]
        struct Unanswered(String, HttpError);
        impl fmt::Display for Unanswered {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "Error performing GET {} in 1s - {}", self.0, self.1)
            }
        }
        impl std::error::Error for Unanswered {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.1)
            }
        }
        let source = Box::new(Unanswered(url.to_owned(), error));
        shown(&object_error(Error::Generic { store: "S3", source }, "s3://lake/k"))
    };
    let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "Connection refused (os error 111)");
    assert_snapshot!(
        failed("http://localhost:9000/lake/k?list-type=2", HttpError::new(HttpErrorKind::Connect, refused())),
        @"unreachable: could not reach localhost:9000 | Connection refused (os error 111)"
    );
    let again = HttpError::new(HttpErrorKind::Unknown, HttpError::new(HttpErrorKind::Connect, refused()));
    assert_snapshot!(
        failed("https://lake.s3.amazonaws.com/k", again),
        @"unreachable: could not reach lake.s3.amazonaws.com | Connection refused (os error 111)"
    );
    let late = HttpError::new(HttpErrorKind::Timeout, io::Error::other("deadline has elapsed"));
    assert_snapshot!(
        failed("https://h:1/k", late),
        @"unreachable: could not reach h:1 | no answer in time"
    );
    assert_snapshot!(
        failed("http://169.254.169.254/latest/api/token", HttpError::new(HttpErrorKind::Connect, refused())),
        @r#"unauthenticated: no credential was found for "s3://lake/k" | -"#
    );
}

#[test]
fn local_files() {
    let failed = |error: io::Error| {
        let error = Error::Generic { store: "LocalFileSystem", source: Box::new(error) };
        shown(&object_error(error, "file:///data/x"))
    };
    assert_snapshot!(
        failed(io::Error::from_raw_os_error(28)),
        @r#"exhausted: the disk is full: could not write "file:///data/x" | No space left on device (os error 28)"#
    );
    assert_snapshot!(
        failed(io::Error::from_raw_os_error(13)),
        @r#"permission_denied: access to "file:///data/x" is denied | Permission denied (os error 13)"#
    );
    assert_snapshot!(
        failed(io::Error::from_raw_os_error(2)),
        @r#"not_found: file "file:///data/x" does not exist | -"#
    );
}

#[test]
fn a_signed_uri_is_not_repeated() {
    let error = Error::NotFound { path: "k".to_owned(), source: "gone".into() };
    assert_snapshot!(
        shown(&object_error(error, "https://h/k?sv=1&sig=c0ffee")),
        @r#"not_found: object "https://h/k" does not exist | -"#
    );
}
