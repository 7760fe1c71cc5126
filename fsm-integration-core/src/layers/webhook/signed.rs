//! The bytes that a signature covers, put together for a hash.

/// What SHA-256 takes at a time.
const BLOCK: usize = 64;
/// Assembly for the heads of nearly all messages: an id of 128 characters and a timestamp.
const ROOM: usize = 3 * BLOCK;

/// Where the head is put together with what of the body fills up its last block.
///
/// Made by whoever signs or verifies, and filled in place: bytes that were written in pieces and are moved at once make
/// the processor wait.
pub(super) struct Assembly {
    /// The head ends where this does but for a block, which is the body's.
    short: [u8; ROOM + BLOCK],
    /// Where somebody else's id is longer than ours may be.
    long: Vec<u8>,
}

/// What is signed: a head, which is parts and a full stop after each, and a body, which is hashed where it lies.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    /// The head, and of the body as much as fills up its last block.
    front: &'a [u8],
    head: usize,
    body: &'a [u8],
}

impl Assembly {
    #[inline]
    pub(super) fn new() -> Self {
        Self { short: [0; ROOM + BLOCK], long: Vec::new() }
    }

    #[inline]
    pub(super) fn signed<'a, const N: usize>(&'a mut self, head: [&[u8]; N], body: &'a [u8]) -> Signed<'a> {
        let length = head.iter().map(|part| part.len() + 1).sum();
        let filling = missing(length).min(body.len());
        let front = if length <= ROOM {
            self.fill(head, ROOM - length, body);
            &self.short[ROOM - length..ROOM + filling]
        } else {
            self.fill_long(&head, body)
        };
        Signed { front: &front[..length + filling], head: length, body }
    }

    #[inline]
    fn fill<const N: usize>(&mut self, head: [&[u8]; N], mut at: usize, body: &[u8]) {
        for part in head {
            let end = at + part.len();
            self.short[at..end].copy_from_slice(part);
            self.short[end] = b'.';
            at = end + 1;
        }
        let (_, place) = self.short.split_at_mut(ROOM);
        // A copy of a fixed length costs less than one of the right length.
        match body.split_at_checked(BLOCK) {
            Some((block, _)) => place.copy_from_slice(block),
            None => place[..body.len()].copy_from_slice(body),
        }
    }

    #[cold]
    fn fill_long(&mut self, head: &[&[u8]], body: &[u8]) -> &[u8] {
        for part in head {
            self.long.extend_from_slice(part);
            self.long.push(b'.');
        }
        self.long.extend(body.iter().take(BLOCK));
        &self.long
    }
}

impl<'a> Signed<'a> {
    pub(super) fn body(self) -> &'a [u8] {
        self.body
    }

    #[cfg(feature = "ed25519")]
    pub(super) fn parts(self) -> [&'a [u8]; 2] {
        [&self.front[..self.head], self.body]
    }

    /// All of it, the first piece in whole blocks unless it is all, so that the second is hashed where it lies.
    #[inline]
    pub(super) fn pieces(self) -> [&'a [u8]; 2] {
        [self.front, &self.body[self.front.len() - self.head..]]
    }
}

/// How many bytes the last block of a head has room for.
const fn missing(head: usize) -> usize {
    head.wrapping_neg() % BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_message_however_long_its_parts_are() {
        for id in [0, 1, 36, 50, 51, 52, 53, ROOM - 13, ROOM - 12, ROOM - 11, 5_000] {
            for body in [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 1_024] {
                let (id, body) = (vec![b'i'; id], vec![b'b'; body]);
                let mut assembly = Assembly::new();
                let signed = assembly.signed([&id, b"1700000000"], &body);
                let [front, rest] = signed.pieces();
                let message = [&id, b".1700000000.".as_slice(), &body].concat();
                assert_eq!([front, rest].concat(), message);
                assert!(front.len() % BLOCK == 0 || rest.is_empty());
                #[cfg(feature = "ed25519")]
                assert_eq!(signed.parts().concat(), message);
            }
        }
    }

    #[test]
    fn without_a_head_it_is_the_body() {
        let mut assembly = Assembly::new();
        let signed = assembly.signed([], &[7; 130]);
        assert_eq!(signed.pieces(), [&[] as &[u8], &[7; 130]]);
    }
}
