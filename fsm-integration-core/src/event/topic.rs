use std::{borrow::Cow, fmt};

/// The name of a topic: lower-case words joined by dots.
///
/// The names of our own events are written once, each in its file of the catalogue.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Cow<'static, str>);

/// Text that is no topic name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a topic is 1 to 249 of a-z, 0-9, `_`, `-` and `.`, and starts and ends with a letter or a digit")]
pub struct InvalidTopic;

impl Topic {
    /// Names a topic that is known when the code is written; the catalogue's test checks the text.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Checks a name that comes from outside.
    ///
    /// # Errors
    /// [`InvalidTopic`] when a broker would refuse the name, or it would not be safe in a label.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidTopic> {
        let name = name.into();
        if is_topic(&name) { Ok(Self(Cow::Owned(name))) } else { Err(InvalidTopic) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 249 bytes is Kafka's limit.
fn is_topic(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    bytes.len() <= 249 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().copied().all(inner)
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl std::str::FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(name: &str) -> Result<Self, InvalidTopic> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_broker_refuses_is_no_topic() {
        for bad in ["", ".", "..", "a b", "Orders", "a/b", "ä", ".a", "a.", &"a".repeat(250)] {
            assert_eq!(Topic::new(bad), Err(InvalidTopic), "{bad:?}");
        }
        for good in ["order.completed", "projects.service_order.created", "a", &"a".repeat(249)] {
            assert_eq!(Topic::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_topic_is_written_as_its_name() {
        let topic = Topic::from_static("order.completed");
        assert_eq!(format!("{topic} {topic:?}"), "order.completed \"order.completed\"");
    }

    #[test]
    fn a_static_name_equals_the_same_name_from_outside() {
        assert_eq!(Topic::from_static("order.completed"), Topic::new("order.completed").unwrap());
    }
}
