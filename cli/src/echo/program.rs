//! `tollgate echo`: the echo by itself, for meshes whose upstream is in another place than the tool.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Echo, recall, reply};
use crate::args::EchoArgs;
use crate::report::Reporter;
use crate::run::Stop;

/// Answers until it is told to stop.
pub(crate) fn main(args: &EchoArgs) -> ExitCode {
    let mut report = Reporter::stdout();
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))
        .and_then(|runtime| runtime.block_on(serve(args, &mut report)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.bad(&error);
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &EchoArgs, report: &mut Reporter) -> Result<(), String> {
    let mut stop = Stop::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let at = |address: SocketAddr| move |error: io::Error| format!("cannot listen on {address}: {error}");
    let seen = args.recall.map(|_| Arc::default());
    let echo = Arc::new(Echo::listen(args.listen, seen).await.map_err(at(args.listen))?);
    if let Some(address) = args.recall {
        let listener = TcpListener::bind(address).await.map_err(at(address))?;
        let bound = listener.local_addr().map_err(at(address))?;
        report.line(&format!("what arrives is handed out at http://{bound}"));
        tokio::spawn(hand_out(listener, Arc::clone(&echo)));
    }
    report.good(&format!("the echo listens on http://{}", echo.address()));
    stop.asked().await;
    Ok(())
}

/// Hands out what has arrived, to whoever asks.
async fn hand_out(listener: TcpListener, echo: Arc<Echo>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let echo = Arc::clone(&echo);
        tokio::spawn(async move {
            let service = service_fn(|_: Request<Incoming>| async { taken(&echo) });
            // A connection that breaks is the client's business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a service returns")]
fn taken(echo: &Echo) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    Ok(reply::plain(200, &recall::written(&echo.take())))
}
