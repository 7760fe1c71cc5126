use std::{future::pending, net::SocketAddr};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceExt;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, method, path},
};

use super::*;
use crate::{
    http_client::{TransportCause, install_tls},
    profile::Profile,
};

/// A label of 64 characters fails without asking any name server.
const UNRESOLVABLE: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid";

fn config() -> HttpClientConfig {
    HttpClientConfig { targets: TargetPolicy::loopback(), ..HttpClientConfig::default() }
}

fn client(config: HttpClientConfig) -> ReqwestClient {
    install_tls();
    ReqwestClient::new(config).expect("a client")
}

fn get(url: &str) -> HttpRequest {
    http::Request::get(url).body(Bytes::new()).expect("a request")
}

async fn fail(config: HttpClientConfig, url: &str) -> Error {
    client(config).oneshot(get(url)).await.expect_err("a failure")
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// Answers one connection with exactly these bytes, then closes it.
async fn raw(answer: &'static [u8]) -> SocketAddr {
    answering(answer, false).await
}

async fn answering(answer: &'static [u8], stalls: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(answer).await;
        if stalls {
            pending::<()>().await;
        }
    });
    address
}

#[tokio::test]
async fn a_successful_answer_comes_whole() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/a"))
        .and(header("user-agent", "fsm-integration-core/0.1.0"))
        .respond_with(ResponseTemplate::new(201).insert_header("etag", "\"1\"").set_body_string("hello"))
        .mount(&server)
        .await;
    let answer = client(config()).oneshot(get(&format!("{}/a", server.uri()))).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (201, &b"hello"[..]));
    assert_eq!(answer.headers()["etag"], "\"1\"");
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let server = MockServer::start().await;
    Mock::given(path("/"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", "/b"))
        .mount(&server)
        .await;
    Mock::given(path("/b")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let error = fail(config(), &server.uri()).await;
    assert_eq!((error.kind(), error.answer().map(|answer| answer.status)), (ErrorKind::PartnerRejected, Some(307)));
}

#[tokio::test]
async fn a_throttling_answer_carries_its_delay_and_body() {
    let server =
        server(ResponseTemplate::new(429).insert_header("retry-after", "7").set_body_string("slow down")).await;
    let error = fail(config(), &server.uri()).await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(7))));
    assert_eq!(error.answer().expect("an answer").body.as_ref(), b"slow down");
}

#[tokio::test]
async fn an_absurd_delay_is_cut_to_the_cap() {
    let server = server(ResponseTemplate::new(503).insert_header("retry-after", "99999999999999999999")).await;
    assert_eq!(fail(config(), &server.uri()).await.retry_after(), Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn an_answer_beyond_the_cap_is_unreadable() {
    let server = server(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 11])).await;
    let config = HttpClientConfig { max_body: 10, ..config() };
    assert_eq!(fail(config, &server.uri()).await.kind(), ErrorKind::PartnerUnreadable);
}

#[tokio::test]
async fn an_answer_without_length_is_cut_off_at_the_cap_too() {
    let address = raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nfar more than ten bytes").await;
    let config = HttpClientConfig { max_body: 10, ..config() };
    assert_eq!(fail(config, &format!("http://{address}")).await.kind(), ErrorKind::PartnerUnreadable);
}

#[tokio::test]
async fn only_the_beginning_of_an_error_is_kept() {
    let server = server(ResponseTemplate::new(500).set_body_bytes(vec![b'x'; 1000])).await;
    let config = HttpClientConfig { max_error_body: 10, ..config() };
    let error = fail(config, &server.uri()).await;
    assert_eq!((error.kind(), error.answer().expect("an answer").body.len()), (ErrorKind::Unavailable, 10));
}

// W18: at most 20 000 bytes are kept, 5 s to connect; the 30 s in all are the stack's.
#[tokio::test]
async fn w18_no_more_of_a_failed_answer_is_kept_than_the_default_allows() {
    let HttpClientConfig { max_error_body, connect_timeout, total_timeout, .. } = HttpClientConfig::default();
    assert_eq!((max_error_body, connect_timeout), (20_000, Duration::from_secs(5)));
    assert_eq!(Profile::SalesSystem.config().attempt_timeout, Duration::from_secs(30));
    assert!(Profile::ALL.iter().all(|profile| profile.config().attempt_timeout <= total_timeout), "a backstop");
    let server = server(ResponseTemplate::new(500).set_body_bytes(vec![b'x'; 100_000])).await;
    let error = fail(config(), &server.uri()).await;
    assert_eq!(error.answer().expect("an answer").body.len(), 20_000);
}

#[tokio::test]
async fn a_refusal_whose_body_stalls_is_a_refusal_all_the_same() {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\nhalf";
    let address = answering(answer, true).await;
    let config = HttpClientConfig { error_body_timeout: Duration::from_millis(100), ..config() };
    let url = format!("http://{address}/");
    let soon = tokio::time::timeout(Duration::from_secs(10), fail(config, &url)).await;
    let error = soon.expect("long before the call's own time is over");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(7))));
    assert_eq!(error.answer().expect("an answer").body.as_ref(), b"half");
}

#[tokio::test]
async fn a_query_may_hold_what_a_url_escapes_elsewhere() {
    let server = server(ResponseTemplate::new(200)).await;
    for path in ["/a?q=a|b", "/a|b", "/a?q={1}", "/a?q=a^b", "/a?q=`a`"] {
        let answer = client(config()).oneshot(get(&format!("{}{path}", server.uri()))).await;
        assert_eq!(answer.expect("an answer").status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_late_answer_is_a_timeout() {
    let server = server(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let config = HttpClientConfig { total_timeout: Duration::from_millis(50), ..config() };
    let error = fail(config, &server.uri()).await;
    assert_eq!((error.kind(), TransportCause::of(&error)), (ErrorKind::Timeout, Some(TransportCause::TimedOut)));
}

#[tokio::test]
async fn a_refused_connection_is_told_by_type() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let error = fail(config(), &format!("http://{address}/")).await;
    assert_eq!((error.kind(), TransportCause::of(&error)), (ErrorKind::Unavailable, Some(TransportCause::Refused)));
}

#[tokio::test]
async fn a_server_without_tls_is_no_https_server() {
    let address = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let error = fail(config(), &format!("https://{address}/")).await;
    assert_eq!(
        (error.kind(), TransportCause::of(&error)),
        (ErrorKind::Unavailable, Some(TransportCause::NotConnected))
    );
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_by_type() {
    let error = fail(config(), &format!("http://{UNRESOLVABLE}/")).await;
    assert_eq!(TransportCause::of(&error), Some(TransportCause::HostNotFound));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_success() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nonly this"] {
        let address = raw(answer).await;
        let error = fail(config(), &format!("http://{address}/")).await;
        assert_eq!((error.kind(), TransportCause::of(&error)), (ErrorKind::Unavailable, Some(TransportCause::Broken)));
    }
}

/// F-W12: neither an address nor a name leads inside.
#[tokio::test]
async fn a_private_target_is_refused_before_a_connection() {
    let targets = TargetPolicy { https_only: false, ..TargetPolicy::default() };
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    for url in [server.uri(), server.uri().replace("127.0.0.1", "localhost")] {
        let config = HttpClientConfig { targets: targets.clone(), ..HttpClientConfig::default() };
        assert_eq!(fail(config, &url).await.kind(), ErrorKind::Forbidden, "{url}");
    }
}

/// F-W14.
#[tokio::test]
async fn no_error_tells_the_query() {
    for host in ["127.0.0.1:1", UNRESOLVABLE] {
        let error = fail(config(), &format!("http://{host}/?token=secret")).await;
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}

#[tokio::test]
async fn a_relative_url_fails_for_good() {
    assert_eq!(fail(config(), "/path").await.kind(), ErrorKind::InvalidRequest);
}
