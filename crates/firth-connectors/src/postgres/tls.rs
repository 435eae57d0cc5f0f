//! TLS for the driver, which brings none: rustls, with the certificate bound to the password exchange.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll},
};

use firth_diagnostic::{Code, Diagnostic, Result};
use ring::digest;
use rustls::{ClientConfig, ProtocolVersion, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::{certificate::Verifier, options::Settings};

/// The TLS side of one connection's settings. Certificates are read when the first server is met.
#[derive(Debug, Default)]
pub(super) struct Tls {
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl Tls {
    /// A handshake with the server of these settings.
    pub(super) fn handshake(&self, settings: &Settings) -> Result<Handshake> {
        let name = ServerName::try_from(settings.host.clone()).map_err(|_| {
            // Not shown: whoever writes a whole url here writes its password too.
            Diagnostic::error(Code::Invalid, "option \"host\" is not a server's name")
        })?;
        Ok(Handshake { config: self.config(settings)?, name, version: Arc::default() })
    }

    fn config(&self, settings: &Settings) -> Result<Arc<ClientConfig>> {
        let mut known = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*known {
            return Ok(Arc::clone(config));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            Verifier::try_new(settings.tls, settings.root_certificates.as_deref(), Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Diagnostic::internal)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::clone(known.insert(Arc::new(config))))
    }
}

/// One handshake to come, and afterwards what it agreed on.
#[derive(Clone)]
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    version: Arc<OnceLock<&'static str>>,
}

impl Handshake {
    /// The protocol version agreed on, such as `TLSv1.3`.
    pub(super) fn version(&self) -> &'static str {
        self.version.get().copied().unwrap_or("none")
    }
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let connector = tokio_rustls::TlsConnector::from(self.config);
            let stream = connector.connect(self.name, stream).await?;
            let version = match stream.get_ref().1.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLS",
            };
            let _ = self.version.set(version);
            Ok(Encrypted(stream))
        })
    }
}

/// An encrypted stream to a server.
pub(super) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    /// Ties the password exchange to the certificate, so that nobody in between can relay it (RFC 5929).
    fn channel_binding(&self) -> ChannelBinding {
        let certificate = self.0.get_ref().1.peer_certificates().and_then(<[_]>::first);
        match certificate.and_then(|certificate| Some((certificate, binding_hash(certificate)?))) {
            Some((certificate, hash)) => {
                ChannelBinding::tls_server_end_point(digest::digest(hash, certificate).as_ref().to_vec())
            }
            None => ChannelBinding::none(),
        }
    }
}

/// The hash of a certificate's signature, by which RFC 5929 wants the certificate hashed: SHA-256
/// in place of weaker ones. `None` where the signature has no hash of its own (Ed25519) or says it
/// elsewhere (RSA-PSS): the exchange then goes without binding, as libpq's does.
fn binding_hash(certificate: &[u8]) -> Option<&'static digest::Algorithm> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, … }, … }
    let (certificate, _) = der_element(certificate)?;
    let (_, after_tbs) = der_element(certificate)?;
    let (algorithm, _) = der_element(after_tbs)?;
    let (identifier, _) = der_element(algorithm)?;
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    let (last, family) = identifier.split_last()?;
    match (family, last) {
        (RSA, 4 | 5 | 11) | (ECDSA_SHA2, 2) => Some(&digest::SHA256),
        (RSA, 12) | (ECDSA_SHA2, 3) => Some(&digest::SHA384),
        (RSA, 13) | (ECDSA_SHA2, 4) => Some(&digest::SHA512),
        _ if identifier == ECDSA_SHA1 => Some(&digest::SHA256),
        _ => None,
    }
}

/// The content of the first DER element, and what follows it.
fn der_element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0usize, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's skeleton: an empty body, then the signature algorithm.
    fn certificate(algorithm: &[u8]) -> Vec<u8> {
        let length = algorithm.len() as u8;
        let mut der = vec![0x30, length + 6, 0x30, 0, 0x30, length + 2, 0x06, length];
        der.extend_from_slice(algorithm);
        der
    }

    #[test]
    fn the_binding_uses_the_hash_of_the_certificates_signature() {
        let hash = |oid: &[u8]| binding_hash(&certificate(oid)).map(|hash| format!("{hash:?}"));
        let rsa = |last| hash(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last]);
        assert_eq!(rsa(5), Some("SHA256".to_owned()), "SHA-1 is replaced");
        assert_eq!(rsa(11), Some("SHA256".to_owned()));
        assert_eq!(rsa(12), Some("SHA384".to_owned()));
        assert_eq!(rsa(13), Some("SHA512".to_owned()));
        assert_eq!(rsa(10), None, "RSA-PSS says its hash elsewhere");
        assert_eq!(hash(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 3]), Some("SHA384".to_owned()));
        assert_eq!(hash(&[0x2b, 0x65, 0x70]), None, "Ed25519");
    }

    #[test]
    fn a_cut_certificate_has_no_binding() {
        let whole = certificate(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 11]);
        for length in 0..whole.len() {
            assert!(binding_hash(&whole[..length]).is_none());
        }
    }
}
