//! Models: every interleaving of a few threads, run by `RUSTFLAGS='--cfg fsm_loom' cargo test --release --lib loom`.

use std::{
    future::ready,
    pin::Pin,
    task::{Context, Wake, Waker},
};

use ::loom::thread::{self, Thread};

use super::*;
use crate::layers::coalesce::seat::Seat;

type Keyless = Coalesce<(), u32, Error>;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The answer; a lost wake-up would be a deadlock, which loom tells.
fn block_on(mut seat: Seat<(), u32, Error>) -> u32 {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match Pin::new(&mut seat).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome.expect("nobody panics").expect("an answer"),
            Poll::Pending => thread::park(),
        }
    }
}

fn lead(coalesce: &Keyless, answer: u32) -> Seat<(), u32, Error> {
    let Joined::Leads(seat) = coalesce.join(()) else { panic!("a call is under way") };
    seat.start(ready(Ok(answer)));
    seat
}

fn follow(coalesce: &Keyless) -> Seat<(), u32, Error> {
    let Joined::Follows(seat) = coalesce.join(()) else { panic!("no call is under way") };
    seat
}

#[test]
fn who_leaves_while_the_call_ends_strands_nobody() {
    ::loom::model(|| {
        let coalesce = Keyless::default();
        let (leads, leaves, waits) = (lead(&coalesce, 1), follow(&coalesce), follow(&coalesce));
        let leads = thread::spawn(move || assert_eq!(block_on(leads), 1));
        let leaves = thread::spawn(move || drop(leaves));
        assert_eq!(block_on(waits), 1);
        leads.join().expect("no panic");
        leaves.join().expect("no panic");
        assert_eq!(coalesce.in_flight(), 0);
    });
}

#[test]
fn who_comes_while_the_last_leaves_gets_an_answer() {
    ::loom::model(|| {
        let coalesce = Keyless::default();
        let leaves = lead(&coalesce, 1);
        let leaves = thread::spawn(move || drop(leaves));
        match coalesce.join(()) {
            Joined::Follows(seat) => assert_eq!(block_on(seat), 1),
            Joined::Leads(seat) => {
                seat.start(ready(Ok(2)));
                assert_eq!(block_on(seat), 2);
            }
            Joined::Alone => panic!("there is room"),
        }
        leaves.join().expect("no panic");
        assert_eq!(coalesce.in_flight(), 0);
    });
}
