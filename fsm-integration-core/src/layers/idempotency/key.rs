use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, LazyLock},
};

use hashbrown::DefaultHashBuilder;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::error::InvalidIdempotencyKey;

/// Whose work it is, which work, and the client's own key for it (requirement I1).
///
/// Shown and stored as `idem:v1:{tenant}:{operation}:{sha256(key)}`; the digest is made when it is asked for, which a
/// store of this process never does. Cheap to clone.
///
/// ```
/// use fsm_integration_core::layers::idempotency::{IdempotencyKey, client_key};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let request = http::Request::post("/orders").header("idempotency-key", "\"8e03978e\"").body(())?;
/// let client = client_key(request.headers())?.ok_or("send an Idempotency-Key")?;
/// let key = IdempotencyKey::new("demo", "order.create", &client)?;
/// assert_eq!(key.scope(), "demo:order.create");
/// assert!(key.to_string().starts_with("idem:v1:demo:order.create:"));
/// assert_ne!(key, IdempotencyKey::new("another", "order.create", &client)?, "each tenant has its own keys");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct IdempotencyKey {
    /// `tenant:operation:key`; neither of the first two holds a colon.
    text: Arc<str>,
    /// The text's, made once: a call looks its key up several times.
    hash: u64,
}

/// Seeded at random once a process, so that keys that collide are not found by trying them elsewhere.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

impl IdempotencyKey {
    /// Composes a key.
    ///
    /// # Errors
    /// [`InvalidIdempotencyKey`] when a part has a form that could collide with another key.
    pub fn new(tenant: &str, operation: &str, key: &str) -> Result<Self, InvalidIdempotencyKey> {
        if !is_scope(tenant) || !is_scope(operation) {
            return Err(InvalidIdempotencyKey::Scope);
        }
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(InvalidIdempotencyKey::Key);
        }
        let text: Arc<str> = [tenant, ":", operation, ":", key].concat().into();
        Ok(Self { hash: HASHER.hash_one(&*text), text })
    }

    /// Where a store of this process finds it.
    #[inline]
    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Tenant and operation, with a colon between.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.parts().0
    }

    /// The SHA-256 of the client's key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.parts().1).into()
    }

    /// All of it, as a store of this process keeps it.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The scope and the client's key.
    fn parts(&self) -> (&str, &str) {
        let (tenant, rest) = self.text.split_once(':').unwrap_or_default();
        let operation = rest.find(':').unwrap_or_default();
        (&self.text[..tenant.len() + 1 + operation], &rest[operation + 1..])
    }
}

fn is_scope(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 64
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || b"._-".contains(&byte))
}

impl PartialEq for IdempotencyKey {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}

impl Eq for IdempotencyKey {}

impl Hash for IdempotencyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The text, so that a map is as safe from chosen collisions as its own hasher.
        self.text.hash(state);
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "idem:v1:{}:", self.scope())?;
        self.digest().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The client's key from `Idempotency-Key` or `X-Idempotency-Key`, each quoted or bare (requirement I2).
///
/// A quoted one is a string of structured fields (RFC 8941, section 3.3.3): its escapes are undone, parameters behind it
/// have no meaning and are passed over. So `"a\"b"` and the bare `a"b` are the same key.
///
/// # Errors
/// [`InvalidIdempotencyKey`] when there are two that differ, or the key is malformed.
pub fn client_key(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, InvalidIdempotencyKey> {
    let mut found = None;
    let values = ["idempotency-key", "x-idempotency-key"].into_iter().flat_map(|name| headers.get_all(name));
    for value in values {
        let text = value.to_str().map_err(|_| InvalidIdempotencyKey::Key)?.trim();
        let key = unquoted(text).filter(|key| (1..=255).contains(&key.len())).ok_or(InvalidIdempotencyKey::Key)?;
        if found.as_ref().is_some_and(|other| *other != key) {
            return Err(InvalidIdempotencyKey::Ambiguous);
        }
        found = Some(key);
    }
    Ok(found)
}

/// What a string of structured fields stands for, and any other text for itself; `None` for a string without end.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    const SPECIAL: [char; 2] = ['"', '\\'];
    let Some(quoted) = text.strip_prefix('"') else { return Some(text.into()) };
    let (plain, mut rest) = quoted.split_at(quoted.find(SPECIAL)?);
    let mut key = Cow::Borrowed(plain);
    while let Some(escaped) = rest.strip_prefix('\\') {
        let character = escaped.chars().next().filter(|character| SPECIAL.contains(character))?;
        let (plain, behind) = escaped[1..].split_at(escaped[1..].find(SPECIAL)?);
        key.to_mut().push(character);
        key.to_mut().push_str(plain);
        rest = behind;
    }
    let parameters = rest.strip_prefix('"')?;
    (parameters.is_empty() || parameters.starts_with(';')).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str, operation: &str, key: &str) -> IdempotencyKey {
        IdempotencyKey::new(tenant, operation, key).expect("a key")
    }

    #[test]
    fn f_i1_the_tenant_is_part_of_the_key() {
        assert_ne!(key("a", "order", "1"), key("b", "order", "1"));
        let shown = key("demo", "order", "PX-TEST-001-PYXIS").to_string();
        assert_eq!(shown, "idem:v1:demo:order:e4517eb45cf1a935ff32e13a60cb31bed6bfc88cac7d3ee5992c66ba6c3cd418");
    }

    #[test]
    fn a_key_shows_the_digest_of_the_clients_key_only() {
        let key = key("demo", "order", "PX-TEST-001");
        assert_eq!(format!("{key:?}"), key.to_string());
        assert!(!key.to_string().contains("PX-TEST"));
    }

    #[test]
    fn a_map_of_any_hasher_tells_keys_apart() {
        let hasher = std::hash::RandomState::new();
        let hash = |number: u32| hasher.hash_one(key("demo", "order", &number.to_string()));
        assert_eq!(hash(1), hash(1));
        assert!((2..10).any(|other| hash(other) != hash(1)));
    }

    #[test]
    fn f_i2_the_same_business_identity_is_the_same_key_on_every_attempt() {
        assert_eq!(key("demo", "order", "PX-TEST-001"), key("demo", "order", "PX-TEST-001"));
        assert_eq!(key("demo", "order", "1").to_string(), key("demo", "order", "1").to_string());
    }

    #[test]
    fn equal_keys_have_the_same_hash() {
        assert_eq!(key("a", "b", "1").hash(), key("a", "b", "1").hash());
        assert_ne!(key("a", "b", "1").hash(), key("a", "b", "2").hash());
        let keys = std::collections::HashSet::from([key("a", "b", "1"), key("a", "b", "2"), key("a", "b", "1")]);
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn f_i10_no_two_keys_share_a_name() {
        assert_ne!(key("a", "lock", "x"), key("a", "order", "lock:x"));
        for (tenant, operation, client) in
            [("a:b", "c", "1"), ("a", "b:c", "1"), ("", "b", "1"), ("a", "b", ""), ("A", "b", "1")]
        {
            assert!(IdempotencyKey::new(tenant, operation, client).is_err(), "{tenant} {operation} {client}");
        }
        assert_eq!(key("a", "b", "c:d").scope(), "a:b");
        assert_eq!(key("a", "b", "c:d").digest(), <[u8; 32]>::from(Sha256::digest("c:d")));
        assert!(IdempotencyKey::new("a", "b", &"x".repeat(256)).is_err());
        assert!(IdempotencyKey::new("a", "b", "x\n").is_err());
    }

    #[test]
    fn i2_both_headers_are_read_and_must_agree() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, http::HeaderValue::from_static(value));
            }
            headers
        };
        let key_of = |pairs: &[_]| client_key(&headers(pairs)).map(|key| key.map(Cow::into_owned));
        let one = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&[("idempotency-key", "\"k-1\"")]), one("k-1"));
        assert_eq!(key_of(&[("x-idempotency-key", "k-1")]), one("k-1"));
        assert_eq!(key_of(&[("idempotency-key", "\"k-1\""), ("x-idempotency-key", "k-1")]), one("k-1"));
        let differ = [("idempotency-key", "a"), ("idempotency-key", "b")];
        assert_eq!(key_of(&differ), Err(InvalidIdempotencyKey::Ambiguous));
        assert_eq!(key_of(&[("idempotency-key", "")]), Err(InvalidIdempotencyKey::Key));
        let escaped = [("idempotency-key", r#""a\"b""#), ("x-idempotency-key", r#"a"b"#)];
        assert_eq!(key_of(&escaped), one(r#"a"b"#));
    }

    #[test]
    fn i2_a_quoted_key_is_the_string_that_it_stands_for() {
        for (text, key) in [
            (r#""""#, ""),
            (r#""a b""#, "a b"),
            (r#""\\\"""#, r#"\""#),
            (r#""a\\b\"c""#, r#"a\b"c"#),
            (r#""a";version=1"#, "a"),
            (r#"a"b"#, r#"a"b"#),
            (r"a\b", r"a\b"),
        ] {
            assert_eq!(unquoted(text).as_deref(), Some(key), "{text}");
        }
        for text in ["\"", r#""a"#, r#""a\""#, r#""a\b""#, r#""a"b""#, r#""a" b"#, r#""\é""#, "\"a\\"] {
            assert_eq!(unquoted(text), None, "{text}");
        }
    }

    #[test]
    fn i2_a_key_has_at_most_255_characters_its_quotes_not_counted() {
        let longest = "x".repeat(255);
        let too_long = "x".repeat(256);
        for name in ["idempotency-key", "x-idempotency-key"] {
            let found = |value: &str| {
                let value = http::HeaderValue::from_str(value).expect("a value");
                let headers = HeaderMap::from_iter([(http::HeaderName::from_static(name), value)]);
                client_key(&headers).map(|key| key.map(Cow::into_owned))
            };
            for (key, quoted) in [(&longest, format!("\"{longest}\"")), (&too_long, format!("\"{too_long}\""))] {
                let expected = if key.len() <= 255 { Ok(Some(key.clone())) } else { Err(InvalidIdempotencyKey::Key) };
                assert_eq!(found(key), expected, "{name}, bare, {}", key.len());
                assert_eq!(found(&quoted), expected, "{name}, quoted, {}", key.len());
            }
        }
        assert!(IdempotencyKey::new("demo", "order", &longest).is_ok());
        assert_eq!(IdempotencyKey::new("demo", "order", &too_long), Err(InvalidIdempotencyKey::Key));
        assert!(IdempotencyKey::new(&"t".repeat(64), &"o".repeat(64), "1").is_ok());
        assert_eq!(IdempotencyKey::new(&"t".repeat(65), "order", "1"), Err(InvalidIdempotencyKey::Scope));
        assert_eq!(IdempotencyKey::new("demo", &"o".repeat(65), "1"), Err(InvalidIdempotencyKey::Scope));
    }
}
