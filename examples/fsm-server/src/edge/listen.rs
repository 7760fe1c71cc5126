//! The listener: what is bounded before there is a request.
//!
//! A client that breaks these bounds is cut off by the HTTP implementation (431, or the connection is closed); no
//! route has seen it, so there is no error body.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Most header lines of a request.
const MAX_HEADERS: usize = 100;
/// Most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Most connections at once; the next one waits in the kernel's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// Wait after the kernel refuses a connection, as when no file descriptor is left.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// How long connections may take to say what they want, and to end.
#[derive(Debug, Clone, Copy)]
pub struct ListenLimits {
    /// Longest time from the connection, or the answer before, to the end of the headers.
    pub header_timeout: Duration,
    /// Longest time that requests under way get after the shutdown.
    pub grace: Duration,
}

/// Serves until the shutdown, then finishes the requests under way within the grace.
///
/// Handlers find the caller's address as `ConnectInfo<SocketAddr>`.
///
/// # Cancel safety
/// Dropped, it stops accepting; connections that are open go on until they end by themselves.
pub async fn serve(listener: TcpListener, router: Router, limits: ListenLimits, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let (router, shutdown) = (router.clone(), shutdown.clone());
        connections.spawn(async move {
            connection(stream, peer, router, limits.header_timeout, shutdown).await;
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "shutdown did not wait for all connections");
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            if !is_the_clients(&error) {
                tracing::error!(error = %error, "connection could not be accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
            None
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    shutdown: CancellationToken,
) {
    // Small answers must not wait for an acknowledgement; a socket that refuses is closed already.
    drop(stream.set_nodelay(true));
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMITS: ListenLimits =
        ListenLimits { header_timeout: Duration::from_millis(50), grace: Duration::from_secs(5) };

    async fn start(router: Router) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(listener, router, LIMITS, shutdown.clone()));
        (address, shutdown, task)
    }

    async fn talk(address: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        answer
    }

    #[tokio::test]
    async fn a_client_that_does_not_end_its_headers_is_cut_off() {
        let (address, ..) = start(Router::new().route("/", get(async || "here"))).await;
        assert!(!talk(address, "GET / HTTP/1.1\r\nhost: x\r\n").await.contains("200"));
    }

    #[tokio::test]
    async fn more_headers_than_the_limit_are_refused() {
        let (address, ..) = start(Router::new().route("/", get(async || "here"))).await;
        let headers: String = (0..MAX_HEADERS + 1).map(|n| format!("h{n}: x\r\n")).collect();
        let answer = talk(address, &format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn the_peer_is_known_to_handlers() {
        let peer = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string());
        let (address, ..) = start(Router::new().route("/", peer)).await;
        let answer = talk(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn a_shutdown_finishes_the_request_under_way() {
        let (entered, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (says, waits) = (Arc::clone(&entered), Arc::clone(&go));
        let slow = get(async move || {
            says.add_permits(1);
            waits.acquire().await.expect("open").forget();
            "done"
        });
        let (address, shutdown, task) = start(Router::new().route("/", slow)).await;
        let asked = tokio::spawn(async move { talk(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await });
        entered.acquire().await.expect("open").forget();
        shutdown.cancel();
        tokio::task::yield_now().await;
        go.add_permits(1);
        assert!(asked.await.expect("no panic").ends_with("done"));
        task.await.expect("no panic");
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}
