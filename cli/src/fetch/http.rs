//! A module from a web server.

use std::time::Duration;

use reqwest::{Response, StatusCode, Url};

use super::{Limits, unwrap};
use crate::oci::web::{self, reason};

/// Gets and unwraps a module. No credential is sent, also where the plugin names a secret.
pub(super) async fn get(url: &str, limits: &Limits) -> Result<Vec<u8>, String> {
    let parsed = Url::parse(url).map_err(|_| format!("fail to parse Wasm module fetch url: {url}"))?;
    let client = web::client(parsed.host_str().unwrap_or_default())?;
    let mut pause = limits.pause;
    let mut last = String::new();
    for attempt in 1..=limits.attempts {
        let answer = tokio::time::timeout(limits.attempt, client.get(parsed.clone()).send()).await;
        let passing = match answer {
            Ok(Ok(answer)) if answer.status() == StatusCode::OK => return finish(answer, limits).await,
            Ok(Ok(answer)) => {
                let code = answer.status().as_u16();
                last = format!("wasm module download request failed: status code {code}");
                code >= 500 && ![501, 505, 511].contains(&code)
            }
            Ok(Err(error)) => {
                last = format!("Get \"{url}\": {}", reason(&error.without_url()));
                true
            }
            Err(_) => {
                last = format!("Get \"{url}\": no answer in {}", seconds(limits.attempt));
                true
            }
        };
        if !passing {
            return Err(given_up(attempt, &last));
        }
        if attempt < limits.attempts {
            tokio::time::sleep(pause).await;
            pause = pause.saturating_add(pause.checked_div(2).unwrap_or_default());
        }
    }
    Err(given_up(limits.attempts, &last))
}

fn given_up(attempts: u32, last: &str) -> String {
    format!("wasm module download failed after {attempts} attempts, last error: {last}")
}

/// A body that breaks off is not asked for again.
async fn finish(mut answer: Response, limits: &Limits) -> Result<Vec<u8>, String> {
    let body = tokio::time::timeout(limits.attempt, web::body(&mut answer, limits.most)).await;
    let body = body.map_err(|_| format!("the body has not ended in {}", seconds(limits.attempt)))??;
    let most = limits.most;
    let unwrapped = tokio::task::spawn_blocking(move || unwrap::unwrap(body, most)).await;
    unwrapped.map_err(|error| error.to_string())?
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f32())
}
