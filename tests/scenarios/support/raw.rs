use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Answer;

/// Sends bytes over a socket of its own, as they are, and reads the answer to its end.
///
/// A server that refuses early may close while we still write: what it answered counts, not how the writing ended.
pub(crate) async fn talk(address: SocketAddr, bytes: &[u8]) -> Answer {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let mut answer = Vec::new();
    let sending = async {
        drop(write.write_all(bytes).await);
        std::future::pending::<()>().await;
    };
    let reading = async { drop(read.read_to_end(&mut answer).await) };
    let both = async {
        tokio::select! {
            () = sending => {}
            () = reading => {}
        }
    };
    tokio::time::timeout(Duration::from_secs(10), both).await.expect("an answer that ends");
    Answer::parse(&String::from_utf8_lossy(&answer))
}
