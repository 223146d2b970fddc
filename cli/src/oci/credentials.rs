//! Who we are to a registry: what `docker login` has left in the docker configuration.

use docker_credential::{CredentialRetrievalError, DockerCredential};

/// What is shown to a registry.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// What is exchanged for a token that lets in.
    Refresh(String),
}

/// Where credentials come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// `config.json` in `$DOCKER_CONFIG`, else in `~/.docker`, with its helpers.
    Docker,
    /// The text of such a file.
    #[cfg(test)]
    Text(String),
}

impl Source {
    /// The credential for a registry, `host:port`; none when nobody has logged in there.
    pub(crate) async fn find(&self, registry: &str) -> Result<Option<Credential>, String> {
        // Docker Hub is known by its old address.
        let key = if registry == "index.docker.io" { "https://index.docker.io/v1/" } else { registry };
        let key = key.to_owned();
        let source = self.clone();
        // A helper is a program, and may ask its user.
        let read = tokio::task::spawn_blocking(move || match source {
            Self::Docker => docker_credential::get_credential(&key),
            #[cfg(test)]
            Self::Text(text) => docker_credential::get_credential_from_reader(text.as_bytes(), &key),
        });
        let read = read.await.map_err(|error| format!("the docker configuration: {error}"))?;
        credential(read).map_err(|error| format!("the docker configuration, for {registry}: {error}"))
    }
}

fn credential(
    read: Result<DockerCredential, CredentialRetrievalError>,
) -> Result<Option<Credential>, CredentialRetrievalError> {
    use CredentialRetrievalError as Failure;
    match read {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credential::Password { user, password }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Refresh(token))),
        // No file is said in the same word as one that cannot be read.
        Err(Failure::ConfigNotFound | Failure::ConfigReadError | Failure::NoCredentialConfigured) => Ok(None),
        Err(Failure::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_are_found_by_registry() {
        // "ann:pw"
        let text = r#"{"auths": {"r.io:5000": {"auth": "YW5uOnB3"}, "t.io": {"auth": "", "identitytoken": "T"},
                       "bad.io": {"auth": "!!"}, "https://index.docker.io/v1/": {"auth": "YW5uOnB3"}}}"#;
        let source = Source::Text(text.to_owned());
        let ann = Credential::Password { user: "ann".to_owned(), password: "pw".to_owned() };
        assert!(source.find("r.io:5000").await == Ok(Some(ann.clone())));
        assert!(source.find("index.docker.io").await == Ok(Some(ann)));
        assert!(source.find("t.io").await == Ok(Some(Credential::Refresh("T".to_owned()))));
        assert!(source.find("r.io").await == Ok(None));
        let Err(error) = source.find("bad.io").await else { panic!() };
        assert!(error.contains("bad.io"), "{error}");
    }
}
