//! Whether a server's certificate is to be trusted: our verifier for the TLS modes.
//!
//! The protocol's TLS modes are weaker than what a TLS library does by itself: `require` takes any
//! certificate, `verify-ca` any that leads to a trusted one whatever its name, `verify-full` is the
//! usual check. All of them make the server prove that it holds the certificate's key.

use std::{path::Path, sync::Arc};

use firth_diagnostic::{Code, Diagnostic, Result};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use super::options::TlsMode;

/// The verifier of `require`, `verify-ca` and `verify-full`.
#[derive(Debug)]
pub(super) struct Verifier {
    /// The usual check; `None` for `require`, which takes any certificate.
    trust: Option<Trust>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Trust {
    webpki: Arc<WebPkiServerVerifier>,
    /// The certificates of the `sslrootcert` file. A server that shows one of them is trusted even if
    /// it is not a proper authority: a self-signed certificate is its own, and webpki refuses one that
    /// says `CA:TRUE`, as `openssl req -x509` makes them.
    pinned: Vec<CertificateDer<'static>>,
    check_name: bool,
}

impl Verifier {
    /// Reads the certificates to trust: those of the file, or the platform's. Reads nothing for `require`.
    pub(super) fn try_new(
        mode: TlsMode,
        root_certificates: Option<&Path>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self> {
        let check_name = match mode {
            TlsMode::Disable | TlsMode::Require => return Ok(Verifier { trust: None, provider }),
            TlsMode::VerifyCa => false,
            TlsMode::VerifyFull => true,
        };
        let mut roots = RootCertStore::empty();
        let pinned = match root_certificates {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        match root_certificates {
            // A certificate that webpki cannot use as an anchor may still be the server's own.
            Some(_) => roots.add_parsable_certificates(pinned.iter().cloned()),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| no_certificates(root_certificates))?;
        Ok(Verifier { trust: Some(Trust { webpki, pinned, check_name }), provider })
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).map_err(|error| {
        Diagnostic::error(
            Code::Io,
            format!("could not read sslrootcert file {:?}", path.display().to_string()),
        )
        .detail(error.to_string())
    })?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(no_certificates(Some(path))),
    }
}

fn no_certificates(path: Option<&Path>) -> Diagnostic {
    let path = path.map(|path| path.display().to_string());
    let message = match path {
        Some(path) => format!("sslrootcert file {path:?} holds no certificate in PEM form"),
        None => "this platform has no trusted certificates".to_owned(),
    };
    Diagnostic::error(Code::BadData, message)
        .hint("Set sslrootcert to the file of the authority that signed the server's certificate.")
}

impl Trust {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let Err(Error::InvalidCertificate(reason)) = &verdict else { return verdict };
        match reason {
            // webpki looks at the name last: the chain is trusted.
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
                if !self.check_name =>
            {
                Ok(ServerCertVerified::assertion())
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => verdict,
            // Dates count for a pinned certificate too. webpki looks at them before what it is used for.
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
            | CertificateError::Revoked
            | CertificateError::BadEncoding => verdict,
            _ if self.pinned.iter().any(|pinned| pinned == end_entity) => {
                if self.check_name {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            _ => verdict,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Some(trust) => trust.verify(end_entity, intermediates, server_name, ocsp_response, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Made by `openssl req -x509 -newkey ec …` for localhost and 127.0.0.1: self-signed, `CA:TRUE`.
    const SELF_SIGNED: &str = "-----BEGIN CERTIFICATE-----
MIIBmDCCAT+gAwIBAgIUJmISCUtRCwVAmAYwwvW/gXwKI4UwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyMjIwMzUwMloXDTM2MTExOTIw
MzUwMlowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAE0NQDJww3KMPbLrYdZFTNTxaNKV5HW/5sbNqQXBurY6Bt+MCmoaPSi8tw
9Kt0upUn2CBimY5OicGYtKM5AwQDeKNvMG0wHQYDVR0OBBYEFGVb8/UlQUHsCiHn
DPcw+cSGOzGrMB8GA1UdIwQYMBaAFGVb8/UlQUHsCiHnDPcw+cSGOzGrMA8GA1Ud
EwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49
BAMCA0cAMEQCIEFvHA+rRnHVw5DRDtlzaOcAH5sZvsJuvvdLNKsTWtpwAiB+zvdD
s+xVm84NrL2Oa+EZWdyot3+xTfLc6/trAbs0xg==
-----END CERTIFICATE-----
";
    /// When it became valid, in seconds since 1970.
    const ISSUED: u64 = 1_795_379_702;

    fn verdict(mode: TlsMode, host: &str, now: u64) -> String {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), SELF_SIGNED).expect("writable");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::try_new(mode, Some(file.path()), provider).expect("a certificate");
        let certificate = CertificateDer::from_pem_slice(SELF_SIGNED.as_bytes()).expect("a certificate");
        let name = ServerName::try_from(host).expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        match verifier.verify_server_cert(&certificate, &[], &name, &[], now) {
            Ok(_) => "trusted".to_owned(),
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })) => {
                "another name".to_owned()
            }
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext { .. })) => "expired".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_self_signed_certificate_vouches_for_itself() {
        assert_eq!(verdict(TlsMode::VerifyFull, "localhost", ISSUED + 60), "trusted");
        assert_eq!(verdict(TlsMode::VerifyFull, "127.0.0.1", ISSUED + 60), "trusted");
        assert_eq!(verdict(TlsMode::VerifyFull, "127.0.0.2", ISSUED + 60), "another name");
        assert_eq!(verdict(TlsMode::VerifyCa, "127.0.0.2", ISSUED + 60), "trusted");
        assert_eq!(verdict(TlsMode::VerifyFull, "localhost", ISSUED + 20 * 31_536_000), "expired");
        assert_eq!(verdict(TlsMode::Require, "elsewhere", ISSUED + 20 * 31_536_000), "trusted");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let refused = Verifier::try_new(TlsMode::VerifyCa, Some(file.path()), provider).expect_err("refused");
        assert!(refused.message().ends_with("holds no certificate in PEM form"), "{refused}");
    }
}
