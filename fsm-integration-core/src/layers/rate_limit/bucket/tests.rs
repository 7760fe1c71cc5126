use std::{
    future::Future,
    num::NonZeroU32,
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
    task::{Context, Wake},
};

use super::*;

/// Counts how often it is dropped while the line is locked, and while it is not.
struct Watching {
    bucket: TokenBucket,
    dropped: Arc<[AtomicU32; 2]>,
}

impl Wake for Watching {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Watching {
    fn drop(&mut self) {
        let is_free = self.bucket.shared.queue.try_lock().is_some();
        self.dropped[usize::from(is_free)].fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn no_waker_is_dropped_while_the_line_is_locked() {
    let bucket = TokenBucket::new(Quota::per_second(NonZeroU32::MIN, NonZeroU32::MIN));
    assert!(bucket.try_acquire(1).allowed);
    let dropped = Arc::<[AtomicU32; 2]>::default();
    let poll = |acquire: &mut Acquire<TokenBucket>| {
        let waker = Waker::from(Arc::new(Watching { bucket: bucket.clone(), dropped: Arc::clone(&dropped) }));
        Pin::new(acquire).poll(&mut Context::from_waker(&waker)).is_ready()
    };
    let [mut first, mut second, mut third] = [(); 3].map(|()| bucket.acquire(1));
    for acquire in [&mut first, &mut second, &mut third] {
        assert!(!poll(acquire) && !poll(acquire));
    }
    drop(second);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(poll(&mut first));
    drop(third);
    let [locked, free] = dropped.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert_eq!((locked, free > 4), (0, true));
}
