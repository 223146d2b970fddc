//! A certificate of our own, and a client that trusts it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tollgate::envoy::Tls;

use crate::client::{Client, Error};
use crate::message::{Request, Response};

/// A self-signed certificate for `localhost`.
#[derive(Debug)]
pub struct Certificate {
    files: Tls,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Makes one, and writes it and its key into a folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(folder: &Path) -> Result<Self, Error> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        let files = Tls { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        std::fs::write(&files.certificate, cert.pem())?;
        std::fs::write(&files.key, signing_key.serialize_pem())?;
        Ok(Self { files, der: cert.der().clone() })
    }

    /// Where the server finds it.
    #[must_use]
    pub fn files(&self) -> Tls {
        self.files.clone()
    }

    /// Sends one request by HTTPS, on a connection of its own.
    ///
    /// # Errors
    /// When there is no answer, or the server has another certificate.
    pub async fn send(&self, address: SocketAddr, request: &Request) -> Result<Response, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Client::over(stream, request.protocol).await?.send(request).await
    }
}
