//! Limitador itself: which limits there are, and whether a call is within them.

use std::collections::HashMap;
use std::path::Path;

use limitador::limit::{Context, Limit, Namespace};
use limitador::storage::redis::AsyncRedisStorage;
use limitador::{AsyncRateLimiter, CheckResult, RateLimiter};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};

use crate::args::Counters;
use crate::protocol::{Code, Descriptor, Header, Request, Response};

/// How many counters with variables are kept in memory: the default of Limitador's server is of this order.
const MEMORY: u64 = 100_000;

/// The engine, with its counters in one of two places.
pub(crate) enum Engine {
    /// In this process.
    Memory(RateLimiter),
    /// In Redis, each call asking it.
    Redis(AsyncRateLimiter),
}

impl Engine {
    /// Redis has to be there when this starts, and may go and come back later.
    pub(crate) async fn start(counters: &Counters) -> Result<Self, String> {
        let Counters::Redis { url, at_once } = counters else {
            return Ok(Self::Memory(RateLimiter::new(MEMORY)));
        };
        let storage = if *at_once { impatient(url).await } else { AsyncRedisStorage::new(url).await };
        let storage = storage.map_err(|error| format!("{url}: {error}"))?;
        Ok(Self::Redis(AsyncRateLimiter::new_with_storage(Box::new(storage))))
    }

    /// Takes the limits of a file instead of the former ones; a limit that stays keeps its counters. Says how many there
    /// are.
    pub(crate) async fn configure(&self, file: &Path) -> Result<usize, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read(file).map_err(|error| named(&error))?;
        let limits: Vec<Limit> = serde_yaml::from_slice(&text).map_err(|error| named(&error))?;
        let count = limits.len();
        match self {
            Self::Memory(limiter) => limiter.configure_with(limits),
            Self::Redis(limiter) => limiter.configure_with(limits).await,
        }
        .map_err(|error| named(&error))?;
        Ok(count)
    }

    /// Counts a call and answers it.
    ///
    /// # Errors
    /// When the counters are out of reach, or a limit's expression makes no sense for these descriptors.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Response, String> {
        if request.domain.is_empty() {
            return Ok(Response { overall_code: Code::Unknown.into(), response_headers_to_add: Vec::new() });
        }
        let namespace = Namespace::from(request.domain.as_str());
        let mut context = Context::default();
        context.list_binding("descriptors".to_owned(), request.descriptors.iter().map(entries).collect());
        // Protobuf cannot tell 0 from nothing, and nothing means one.
        let hits = u64::from(request.hits_addend.max(1));
        let result = match self {
            Self::Memory(limiter) => limiter.check_rate_limited_and_update(&namespace, &context, hits),
            Self::Redis(limiter) => limiter.check_rate_limited_and_update(&namespace, &context, hits).await,
        };
        result.map(answer).map_err(|error| error.to_string())
    }
}

/// A storage that looks for a lost Redis upon each call. As limitador makes it, it waits one second and then one to two
/// minutes from one try to the next (redis-rs issue 1830), and calls wait with it.
async fn impatient(url: &str) -> Result<AsyncRedisStorage, RedisError> {
    let config = ConnectionManagerConfig::new().set_number_of_retries(0);
    let manager = ConnectionManager::new_with_config(Client::open(url)?, config).await?;
    AsyncRedisStorage::new_with_conn_manager(manager).await
}

/// Of two entries with one key the later one counts.
fn entries(descriptor: &Descriptor) -> HashMap<String, String> {
    descriptor.entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
}

fn answer(mut result: CheckResult) -> Response {
    let code = if result.limited { Code::OverLimit } else { Code::Ok };
    let headers = result.response_header().into_iter().map(|(key, value)| Header { key, value });
    let mut headers: Vec<Header> = headers.collect();
    headers.sort_by(|a, b| a.key.cmp(&b.key));
    Response { overall_code: code.into(), response_headers_to_add: headers }
}
