//! A timer that takes 8 bytes of the future that may wait for it.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    task::coop::{Unconstrained, unconstrained},
    time::Sleep,
};

/// Wakes a call at its time; holds no memory until it is set.
///
/// tokio's own takes 112 bytes inline. A future that carries it through several layers is copied by `memmove` at every
/// call, which takes longer than all these layers do; and a box of its own would be an allocation for every call that
/// waits. So timers live in memory that their thread uses again.
#[derive(Default)]
pub(crate) struct Timer(Option<Memory>);

/// Outside tokio's cooperative budget, or a call that uses it up at every poll would never be timed out.
type Memory = Pin<Box<Option<Unconstrained<Sleep>>>>;

/// As many as a busy thread has at once; more are freed.
const MOST_KEPT: usize = 256;

thread_local! {
    static UNUSED: RefCell<Vec<Memory>> = const { RefCell::new(Vec::new()) };
}

impl Timer {
    /// Whether it was set.
    #[inline]
    pub(crate) const fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Makes it wait for this; what it waited for before is forgotten.
    #[cold]
    #[inline(never)]
    pub(crate) fn set(&mut self, sleep: Sleep) {
        self.0.get_or_insert_with(memory).as_mut().set(Some(unconstrained(sleep)));
    }

    /// Ready when its time has come; pending for ever, and without a waker, while it is not set.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.0.as_mut().and_then(|memory| memory.as_mut().as_pin_mut()) {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        // Looked at before it is taken: most are not set, and a store would be one more thing to wait for.
        if self.0.is_some() {
            keep(self.0.take());
        }
    }
}

fn memory() -> Memory {
    let unused = UNUSED.try_with(|unused| unused.borrow_mut().pop()).ok().flatten();
    unused.unwrap_or_else(|| Box::pin(None))
}

#[cold]
#[inline(never)]
fn keep(memory: Option<Memory>) {
    let Some(mut memory) = memory else { return };
    // Here, so that the runtime forgets the call at once.
    memory.set(None);
    // A thread that is ending keeps nothing any more.
    let _ = UNUSED.try_with(|unused| {
        let mut unused = unused.borrow_mut();
        if unused.len() < MOST_KEPT {
            unused.push(memory);
        }
    });
}

#[cfg(all(test, not(fsm_loom)))]
mod tests {
    use std::{future::poll_fn, mem::size_of, time::Duration};

    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn kept() -> usize {
        UNUSED.with_borrow(Vec::len)
    }

    /// What an earlier test of the same thread left.
    fn clear() {
        UNUSED.take();
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_at_its_time_and_its_memory_is_used_again() {
        clear();
        let began = Instant::now();
        for round in 1..=3 {
            let mut timer = Timer::default();
            timer.set(sleep(SECOND));
            poll_fn(|cx| timer.poll(cx)).await;
            assert_eq!(began.elapsed(), SECOND * round);
            assert_eq!(kept(), 0);
            drop(timer);
            assert_eq!(kept(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_what_it_was_set_to_last() {
        clear();
        let (mut timer, began) = (Timer::default(), Instant::now());
        timer.set(sleep(SECOND));
        timer.set(sleep(3 * SECOND));
        poll_fn(|cx| timer.poll(cx)).await;
        assert_eq!(began.elapsed(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_keeps_so_many_and_no_more() {
        clear();
        let mut timers: Vec<_> = (0..MOST_KEPT + 10).map(|_| Timer::default()).collect();
        timers.iter_mut().for_each(|timer| timer.set(sleep(SECOND)));
        drop(timers);
        assert_eq!(kept(), MOST_KEPT);
    }

    #[test]
    fn a_timer_of_a_runtime_that_is_gone_does_not_harm_the_next() {
        clear();
        for _ in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("it builds");
            runtime.block_on(async {
                let mut timer = Timer::default();
                timer.set(sleep(Duration::from_millis(1)));
                poll_fn(|cx| timer.poll(cx)).await;
            });
        }
        assert_eq!(kept(), 1);
    }

    #[test]
    fn one_that_is_not_set_is_a_word_and_keeps_nothing() {
        clear();
        assert_eq!(size_of::<Timer>(), size_of::<usize>());
        drop(Timer::default());
        assert_eq!(kept(), 0);
    }
}
