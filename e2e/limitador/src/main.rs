//! Limitador's engine behind Envoy's rate limit protocol, answering as `limitador-server` does with
//! `--rate-limit-headers DRAFT_VERSION_03`.
//!
//! It stands in for the server's program, which cannot be fetched everywhere; the engine, its counters in Redis and the
//! format of the limits are Limitador's own. What the server has besides (an HTTP interface, metrics, tracing) is left
//! out, and what a test wants is added: late answers, and a line for each call.

mod args;
mod engine;
mod protocol;
mod service;

use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Args;
use crate::engine::Engine;
use crate::service::Service;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("limitador-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let Some(args) = Args::parse(std::env::args().skip(1))? else {
        println!("{}", args::USAGE);
        return Ok(());
    };
    let engine = Arc::new(Engine::start(&args.counters).await?);
    let count = engine.configure(&args.limits).await?;
    let listener =
        TcpListener::bind(args.listen).await.map_err(|error| format!("{}: {error}", args.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut hangups = signal(SignalKind::hangup()).map_err(|error| error.to_string())?;
    println!("limits read: {count}");
    println!("listening on {address}");
    let service = Service { engine: Arc::clone(&engine), delay: args.delay, log_calls: args.log_calls };
    tokio::spawn(service::accept(listener, Arc::new(service)));
    while hangups.recv().await.is_some() {
        match engine.configure(&args.limits).await {
            Ok(count) => println!("limits read: {count}"),
            Err(error) => eprintln!("limits refused, the old ones stay: {error}"),
        }
    }
    Ok(())
}
