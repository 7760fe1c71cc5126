use std::time::Duration;

use super::state::Ticket;
use crate::{clock::nanos, error::CircuitOpen};

/// What a breaker says to a call: leave with a ticket, or no.
///
/// Two words, which a function returns in registers; a `Result` of both would go through memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer(Ticket);

/// A refusal and, unless only an operator ends it, the nanoseconds until a probe is let through.
///
/// It becomes a [`CircuitOpen`] where somebody looks at it, since the division into seconds costs as much as the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    left: u64,
}

/// The epoch of a refusal; no ticket is of it.
const REFUSED: u32 = u32::MAX - 2;
const FOR_EVER: u64 = u64::MAX;

impl Refusal {
    #[inline]
    pub(super) const fn new(left: u64) -> Self {
        Self { left }
    }
}

impl Answer {
    #[inline]
    pub(super) const fn admitted(ticket: Ticket) -> Self {
        Self(ticket)
    }

    #[inline]
    pub(super) const fn refused(left: u64) -> Self {
        Self(Ticket { epoch: REFUSED, began: left })
    }

    #[inline]
    pub(super) const fn get(self) -> Result<Ticket, Refusal> {
        let Self(ticket) = self;
        if ticket.epoch == REFUSED { Err(Refusal { left: ticket.began }) } else { Ok(ticket) }
    }
}

impl From<Result<Ticket, CircuitOpen>> for Answer {
    fn from(result: Result<Ticket, CircuitOpen>) -> Self {
        match result {
            Ok(ticket) => Self::admitted(ticket),
            Err(CircuitOpen { retry_after }) => Self::refused(retry_after.map_or(FOR_EVER, nanos)),
        }
    }
}

impl From<Refusal> for CircuitOpen {
    #[inline]
    fn from(Refusal { left }: Refusal) -> Self {
        Self { retry_after: (left != FOR_EVER).then(|| Duration::from_nanos(left)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(result: Result<Ticket, CircuitOpen>) -> Result<Ticket, CircuitOpen> {
        Answer::from(result).get().map_err(CircuitOpen::from)
    }

    #[test]
    fn what_goes_through_registers_comes_out_as_it_was() {
        let ticket = Ticket { epoch: 7, began: 9 };
        for admitted in [ticket, Ticket::UNCOUNTED, Ticket::NONE] {
            assert_eq!(through(Ok(admitted)), Ok(admitted));
        }
        for retry_after in [None, Some(Duration::ZERO), Some(Duration::from_secs(60))] {
            let refusal = CircuitOpen { retry_after };
            assert_eq!(through(Err(refusal)), Err(refusal));
        }
    }
}
