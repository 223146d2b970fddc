//! Certificates of our own, and a client that trusts and shows them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, DnType, IsCa, Issuer, KeyPair, SanType,
    generate_simple_self_signed,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tollgate::envoy::Tls;

use crate::client::{Client, Error};
use crate::message::{Request, Response};
use crate::mint::base64;

/// A self-signed certificate for `localhost`, and an authority for clients.
pub struct Certificate {
    files: Tls,
    der: CertificateDer<'static>,
    authority: Issuer<'static, KeyPair>,
}

/// What a client shows.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Makes one, and writes it and its key into a folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(folder: &Path) -> Result<Self, Error> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        let files = Tls {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
            client_authorities: None,
        };
        std::fs::write(&files.certificate, cert.pem())?;
        std::fs::write(&files.key, signing_key.serialize_pem())?;
        let (authority, pem) = authority()?;
        std::fs::write(folder.join("clients.pem"), pem)?;
        Ok(Self { files, der: cert.der().clone(), authority })
    }

    /// Where the server finds it.
    #[must_use]
    pub fn files(&self) -> Tls {
        self.files.clone()
    }

    /// The same, for a server that asks clients for certificates of our authority.
    #[must_use]
    pub fn files_with_clients(&self) -> Tls {
        let authorities = self.files.certificate.with_file_name("clients.pem");
        Tls { client_authorities: Some(authorities), ..self.files.clone() }
    }

    /// A client's certificate with this URI as its name.
    ///
    /// # Errors
    /// When it is no URI.
    pub fn identity(&self, uri: &str) -> Result<Identity, Error> {
        let mut params = named("a client")?;
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.authority)?.der().clone();
        Ok(Identity { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()) })
    }

    /// Sends one request by HTTPS, on a connection of its own.
    ///
    /// # Errors
    /// When there is no answer, or the server has another certificate.
    pub async fn send(&self, address: SocketAddr, request: &Request) -> Result<Response, Error> {
        self.send_as(address, request, None).await
    }

    /// The same, showing a certificate.
    ///
    /// # Errors
    /// When there is no answer, or the server has another certificate.
    pub async fn send_as(
        &self,
        address: SocketAddr,
        request: &Request,
        identity: Option<&Identity>,
    ) -> Result<Response, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let key = PrivateKeyDer::Pkcs8(key.clone_key());
                config.with_client_auth_cert(vec![certificate.clone()], key)?
            }
        };
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Client::over(stream, request.protocol).await?.send(request).await
    }
}

impl Identity {
    /// `x5t#S256` of RFC 8705: the certificate's SHA-256.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        base64(ring::digest::digest(&ring::digest::SHA256, &self.certificate).as_ref())
    }
}

/// Parameters with a name of their own: an issuer of the same name would make a certificate look self-signed.
fn named(name: &str) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String), Error> {
    let mut params = named("the clients' authority")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}
