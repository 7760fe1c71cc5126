use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::sleep;

use super::{
    Hedge,
    decide::{Remembered, Sender, settle},
};
use crate::{clock::Clock, error::Judge, timer::Timer};

pin_project! {
    /// The requests of one call, side by side.
    pub(super) struct Race<P, H, O> {
        #[pin]
        first: Option<P>,
        hedges: Vec<Pin<Box<H>>>,
        sent: u32,
        most: u32,
        after: Duration,
        // Set when the first request has to wait.
        timer: Timer,
        remembered: Option<Box<Remembered<O>>>,
    }
}

/// How a race ended.
pub(super) struct Finish<O> {
    outcome: O,
    good: bool,
    by_hedge: bool,
}

impl<O> Finish<O> {
    /// The outcome, after the handle took note of it.
    pub(super) fn told<C: Clock>(self, hedge: &Hedge<C>, began: Option<u64>) -> O {
        if self.good {
            hedge.won(self.by_hedge, began);
        }
        self.outcome
    }
}

impl<P, H, O> Race<P, H, O> {
    pub(super) fn new(first: P, max_hedges: u32, after: Duration) -> Self {
        let first = Some(first);
        Self { first, hedges: Vec::new(), sent: 0, most: max_hedges, after, timer: Timer::default(), remembered: None }
    }
}

impl<P, H, T, E> Race<P, H, Result<T, E>>
where
    P: Future<Output = Result<T, E>>,
    H: Future<Output: Into<Option<Result<T, E>>>>,
{
    /// Polls every request, and sends the next one when it is time: `hedge` makes it or declines, given its number
    /// (from 1) and the delay. One that ends without outcome was not sent after all.
    pub(super) fn poll_race(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        judge: &impl Judge<T, E>,
        mut hedge: impl FnMut(u32, Duration) -> Option<H>,
    ) -> Poll<Finish<Result<T, E>>> {
        loop {
            if let Some(finish) = self.as_mut().poll_requests(cx, judge) {
                self.as_mut().drop_losers();
                return Poll::Ready(finish);
            }
            ready!(self.as_mut().poll_timer(cx));
            let this = self.as_mut().project();
            match hedge(*this.sent + 1, *this.after) {
                Some(hedge) => {
                    this.hedges.push(Box::pin(hedge));
                    *this.sent += 1;
                }
                None => *this.most = *this.sent,
            }
        }
    }

    /// How the race has ended, if it has.
    fn poll_requests(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        judge: &impl Judge<T, E>,
    ) -> Option<Finish<Result<T, E>>> {
        let mut this = self.project();
        let polled = this.first.as_mut().as_pin_mut().map(|first| first.poll(cx));
        if let Some(Poll::Ready(outcome)) = polled {
            this.first.set(None);
            if let Some((outcome, good)) = settle(judge.judge(outcome), Sender::First, this.remembered) {
                return Some(Finish { outcome, good, by_hedge: false });
            }
        }
        let mut at = 0;
        while at < this.hedges.len() {
            let Poll::Ready(outcome) = this.hedges[at].as_mut().poll(cx) else {
                at += 1;
                continue;
            };
            this.hedges.swap_remove(at);
            let Some(outcome) = outcome.into() else { continue };
            if let Some((outcome, good)) = settle(judge.judge(outcome), Sender::Hedge, this.remembered) {
                return Some(Finish { outcome, good, by_hedge: true });
            }
        }
        if this.first.is_some() || !this.hedges.is_empty() {
            return None;
        }
        let failure =
            this.remembered.take().expect("the first request, which ended without deciding the call, left a failure");
        Some(Finish { outcome: failure.outcome, good: false, by_hedge: false })
    }

    /// Ready when another request is due.
    fn poll_timer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.sent >= *this.most {
            return Poll::Pending;
        }
        if !this.timer.is_set() {
            this.timer.set(sleep(*this.after));
        }
        ready!(this.timer.poll(cx));
        *this.timer = Timer::default();
        Poll::Ready(())
    }

    /// At once, even if whoever holds the future keeps it.
    fn drop_losers(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.first.set(None);
        *this.timer = Timer::default();
        this.hedges.clear();
    }
}
