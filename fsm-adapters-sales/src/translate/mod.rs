//! From the sales systems' words to ours and back; pure.

mod identity;

pub use self::identity::OrderIdentity;
