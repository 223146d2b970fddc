//! The name of an image: `oci://registry/repository:tag@sha256:…`.

use std::fmt;

use oci_spec::distribution::Reference;

use super::manifest::is_sha256;

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Name {
    /// Reads a name, with or without `oci://`. As for Docker, a name without a registry is one of Docker Hub.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix("oci://").unwrap_or(text);
        if let Some((scheme, _)) = bare.split_once("://") {
            return Err(format!("{text}: {scheme}:// is no image: write oci://registry/repository:tag"));
        }
        let read = Reference::try_from(bare).map_err(|error| {
            format!(
                "could not parse reference: {text}: {error}; a repository has lower-case letters, digits, . _ - and /, \
                 and behind it stand :tag, @sha256:<64 hex digits>, or both"
            )
        })?;
        if read.digest().is_some_and(|digest| !is_sha256(digest)) {
            return Err(format!(
                "could not parse reference: {text}: the digest must be sha256: and 64 lower-case hex digits"
            ));
        }
        // The library fills in `latest`; whether it was written matters when pushing and caching.
        let path = bare.split('@').next().unwrap_or(bare);
        let tagged = path.rsplit('/').next().is_some_and(|last| last.contains(':'));
        Ok(Self {
            registry: read.resolve_registry().to_owned(),
            repository: read.repository().to_owned(),
            tag: read.tag().filter(|_| tagged).map(str::to_owned),
            digest: read.digest().map(str::to_owned),
        })
    }

    /// `host` or `host:port`.
    #[must_use]
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within the registry.
    #[must_use]
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when one is written.
    #[must_use]
    pub(crate) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, `sha256:…`.
    #[must_use]
    pub(crate) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What the registry is asked for: the digest, else the tag, else `latest`.
    #[must_use]
    pub(crate) fn identifier(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The name without tag and digest, which istio-agent keeps its cache by.
    #[must_use]
    pub(crate) fn without_version(&self) -> String {
        format!("oci://{}/{}", self.registry, self.repository)
    }

    /// The same image under another digest.
    #[must_use]
    pub(crate) fn pinned(&self, digest: &str) -> Self {
        Self { digest: Some(digest.to_owned()), ..self.clone() }
    }

    /// A repository below this one, under the same tag.
    ///
    /// # Errors
    /// When that is no name of a repository.
    pub(crate) fn child(&self, last: &str) -> Result<Self, String> {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        Self::parse(&format!("{}/{last}{tag}", self.without_version()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.without_version())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, registry, repository, identifier) in [
            ("oci://localhost:5000/a/b:1", "localhost:5000", "a/b", "1"),
            ("ghcr.io/x/y", "ghcr.io", "x/y", "latest"),
            ("kind-registry:5000/x", "kind-registry:5000", "x", "latest"),
            ("nginx:1", "index.docker.io", "library/nginx", "1"),
            (format!("oci://r.io/a:1@{digest}").as_str(), "r.io", "a", digest.as_str()),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(
                (name.registry(), name.repository(), name.identifier()),
                (registry, repository, identifier)
            );
        }
        let name = Name::parse("oci://r.io/a:1").unwrap();
        assert_eq!(name.pinned(&digest).to_string(), format!("oci://r.io/a:1@{digest}"));
        assert_eq!(name.child("b").unwrap().to_string(), "oci://r.io/a/b:1");
        assert_eq!(Name::parse("r.io/a").unwrap().tag(), None);
        assert_eq!(Name::parse("r.io:5/a").unwrap().tag(), None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in
            ["", "oci://", "oci://r.io/A", "oci://r.io/a@sha256:12", "https://r.io/a", "r.io/a b", "r.io/\n"]
        {
            assert!(Name::parse(text).is_err(), "{text}");
        }
        for digest in [format!("sha512:{}", "a".repeat(128)), format!("sha256:{}", "A".repeat(64))] {
            assert!(Name::parse(&format!("r.io/a@{digest}")).is_err(), "{digest}");
        }
        assert!(Name::parse("r.io/a").unwrap().child("../b").is_err());
    }
}
