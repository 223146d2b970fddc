//! Putting blobs and manifests into a repository.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use super::manifest::{self, OCI_MANIFEST};
use super::registry::{Registry, failure};
use super::web::reason;

impl Registry {
    /// Puts a blob there, unless the repository has it. Says whether it had to.
    pub(crate) async fn put_blob(&self, bytes: &[u8]) -> Result<bool, String> {
        let digest = manifest::digest(bytes);
        let url = self.url(&format!("blobs/{digest}"))?;
        let there = send(self.request(Method::HEAD, &url), "HEAD", &url).await?;
        if there.status() == StatusCode::OK {
            return Ok(false);
        }
        let url = self.url("blobs/uploads/")?;
        let begun = send(self.request(Method::POST, &url), "POST", &url).await?;
        let begun = with_status(begun, StatusCode::ACCEPTED, "POST", &url).await?;
        let location = begun.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|location| url.join(location).ok());
        let mut target =
            location.ok_or_else(|| format!("POST {url}: the registry names no place to upload to"))?;
        target.query_pairs_mut().append_pair("digest", &digest);
        let request = self.request(Method::PUT, &target).header(CONTENT_TYPE, "application/octet-stream");
        // The place may hold a signature that lets in whoever has it.
        let place = target.origin().ascii_serialization();
        let put = request.body(bytes.to_vec()).send().await;
        let put = put.map_err(|error| format!("PUT {place}: {}", reason(&error.without_url())))?;
        if put.status() != StatusCode::CREATED {
            return Err(failure("PUT", &place, put).await);
        }
        Ok(true)
    }

    /// Puts a manifest under a tag or its digest.
    pub(crate) async fn put_manifest(&self, identifier: &str, bytes: &[u8]) -> Result<(), String> {
        let url = self.url(&format!("manifests/{identifier}"))?;
        let request = self.request(Method::PUT, &url).header(CONTENT_TYPE, OCI_MANIFEST).body(bytes.to_vec());
        let put = send(request, "PUT", &url).await?;
        let put = with_status(put, StatusCode::CREATED, "PUT", &url).await?;
        let ours = manifest::digest(bytes);
        let theirs = put.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        match theirs.filter(|theirs| *theirs != ours) {
            Some(theirs) => Err(format!("PUT {url}: the registry has it as {theirs} and not as {ours}")),
            None => Ok(()),
        }
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.client.request(method, url.clone()).headers(self.headers(url))
    }
}

async fn send(request: RequestBuilder, method: &str, url: &Url) -> Result<Response, String> {
    request.send().await.map_err(|error| format!("{method} \"{url}\": {}", reason(&error)))
}

async fn with_status(
    answer: Response,
    status: StatusCode,
    method: &str,
    url: &Url,
) -> Result<Response, String> {
    if answer.status() == status { Ok(answer) } else { Err(failure(method, url.as_str(), answer).await) }
}
