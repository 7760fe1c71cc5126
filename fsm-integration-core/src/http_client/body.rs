use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::failure;
use crate::error::{Error, ErrorKind, Result};

/// The whole body, or a failure as soon as it proves larger than `max`.
pub(super) async fn whole(mut response: Response, max: usize) -> Result<Bytes> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if announced > max {
        return Err(too_large(max));
    }
    // An announced length costs the partner nothing, so it reserves little.
    let mut body = BytesMut::with_capacity(announced.min(64 * 1024));
    while let Some(chunk) = response.chunk().await.map_err(failure::of)? {
        if body.len() + chunk.len() > max {
            return Err(too_large(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The first `max` bytes, or what came of them within a time; what a failed answer says is of use even if its end
/// never comes, and what its head says must not wait for it.
pub(super) async fn beginning(mut response: Response, max: usize, within: Duration) -> Bytes {
    let mut body = BytesMut::new();
    let reading = async {
        while body.len() < max {
            let Ok(Some(chunk)) = response.chunk().await else { break };
            body.extend_from_slice(&chunk[..chunk.len().min(max - body.len())]);
        }
    };
    // Too late is the end of it, as a broken connection is.
    let _ = tokio::time::timeout(within, reading).await;
    body.freeze()
}

fn too_large(max: usize) -> Error {
    Error::new(ErrorKind::PartnerUnreadable, format!("the partner's answer is larger than {max} bytes"))
}
